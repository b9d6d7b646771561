/** One up, one down, one disabled, one unchecked server: the same for HAProxy and for us. */

import type { TestContext } from 'node:test';
import { TEST_CHECK, testBackend, testServer } from '../../src/balancer/fixture.ts';
import type { BackendConfig } from '../../src/config/model/traffic.ts';
import type { CheckConfig } from '../../src/health/kinds/check-kinds.ts';
import { freePort } from './free-port.ts';
import { openPort } from './haproxy.ts';

const CHECK: CheckConfig = {
  ...TEST_CHECK,
  intervalMs: 200,
  fastIntervalMs: 200,
  downIntervalMs: 200,
  connectTimeoutMs: 200,
};

export type ComparedServers = {
  readonly backend: BackendConfig;
  /** Defaults, a frontend and that backend for a haproxy.cfg, behind its `global` section. */
  readonly text: string;
};

export async function comparedServers(t: TestContext): Promise<ComparedServers> {
  const [up, down, front] = [await openPort(t), await freePort(), await freePort()];
  return {
    backend: testBackend({
      balance: { kind: 'roundrobin' },
      servers: [
        testServer('up', { port: up, check: CHECK }),
        testServer('down', { port: down, check: CHECK }),
        testServer('off', { port: up, check: CHECK, disabled: true }),
        testServer('plain', { port: up, check: null, weight: 3, backup: true }),
      ],
    }),
    text: `defaults
  mode tcp
  timeout connect 10s
  timeout client 1m
  timeout server 1m
  maxconn 3000
frontend kube-api
  bind 127.0.0.1:${front}
  default_backend kube-master
backend kube-master
  balance roundrobin
  server up 127.0.0.1:${up} check inter 200 fall 2
  server down 127.0.0.1:${down} check inter 200 fall 2
  server off 127.0.0.1:${up} check inter 200 fall 2 disabled
  server plain 127.0.0.1:${up} weight 3 backup
`,
  };
}
