/** For tests: configurations with one thing changed. */

import type { BalancerConfig } from '../config/model/config.ts';
import type { BackendConfig, ServerConfig } from '../config/model/traffic.ts';
import type { CheckConfig } from '../health/kinds/check-kinds.ts';

export const TEST_CHECK: CheckConfig = {
  kind: 'tcp',
  host: null,
  port: null,
  intervalMs: 2000,
  fastIntervalMs: 2000,
  downIntervalMs: 2000,
  rise: 2,
  fall: 2,
  connectTimeoutMs: 2000,
  responseTimeoutMs: null,
  passive: null,
};

export function testServer(name: string, changes: Partial<ServerConfig> = {}): ServerConfig {
  return {
    name,
    host: '127.0.0.1',
    port: 6443,
    weight: 1,
    connectionsMax: 0,
    backup: false,
    disabled: false,
    shutdownSessionsOnDown: false,
    check: TEST_CHECK,
    ...changes,
  };
}

export function testBackend(changes: Partial<BackendConfig> = {}): BackendConfig {
  return {
    name: 'kube-master',
    balance: { kind: 'source' },
    connectTimeoutMs: 10_000,
    serverTimeoutMs: 60_000,
    serverFinTimeoutMs: null,
    tunnelTimeoutMs: null,
    retries: 3,
    servers: [testServer('m1'), testServer('m2')],
    logs: [],
    logHealthChecks: false,
    panic: false,
    listen: false,
    ...changes,
  };
}

export function testConfig(changes: Partial<BalancerConfig> = {}): BalancerConfig {
  return {
    process: {
      node: 'node1',
      user: null,
      group: null,
      connectionsMax: 4000,
      relays: 1,
      statsSockets: [],
      logs: [],
    },
    frontends: [
      {
        name: 'kube-api',
        binds: [],
        connectionsMax: 3000,
        backend: 'kube-master',
        clientTimeoutMs: 60_000,
        clientFinTimeoutMs: null,
        log: { targets: [], format: 'connect', dontLogNull: false },
      },
    ],
    httpFrontends: [
      {
        name: 'stats',
        binds: [],
        connectionsMax: 3000,
        clientTimeoutMs: 60_000,
        monitorUri: null,
        stats: {
          uri: '/haproxyadmin?stats',
          realm: 'Haproxy Statistics',
          users: [{ name: 'admin', password: 'admin' }],
          hideVersion: true,
          admin: true,
          refreshSeconds: 0,
          showNode: false,
        },
      },
    ],
    backends: [testBackend()],
    ...changes,
  };
}
