/** A real balancer process between servers and clients of the test: what it holds is its own. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type {
  BackendConfig,
  FrontendConfig,
  ServerConfig,
} from '../../src/config/model/traffic.ts';
import { type RunningBalancer, startBalancer } from './balancer.ts';

const FRONTEND = 'kube-api';
const BACKEND = 'kube-master';

export type RelayProcess = {
  readonly balancer: RunningBalancer;
  readonly pid: number;
  /** Where clients connect. */
  readonly port: number;
  /** Columns of the backend's row in `show stat`, by name. */
  row(): Promise<Readonly<Record<string, string>>>;
};

export type RelayProcessOptions = {
  /** RLIMIT_NOFILE of the process. */
  readonly filesMax?: number;
  readonly frontend?: Partial<FrontendConfig>;
  readonly backend?: Partial<BackendConfig>;
  readonly server?: Partial<ServerConfig>;
};

/** Servers are ports of 127.0.0.1; without a word in `options` they are not checked. */
export async function startRelayProcess(
  t: TestContext,
  ports: readonly number[],
  options: RelayProcessOptions = {},
): Promise<RelayProcess> {
  const config = testConfig();
  const [frontend] = config.frontends;
  if (frontend === undefined) throw new Error('The test configuration has a frontend');
  const servers = ports.map((port, index) =>
    testServer(`s${index + 1}`, { port, check: null, ...options.server }),
  );
  const limit = options.filesMax === undefined ? {} : { filesMax: options.filesMax };
  const balancer = await startBalancer(
    t,
    {
      ...config,
      process: { ...config.process, connectionsMax: 0 },
      frontends: [{ ...frontend, connectionsMax: 0, ...options.frontend }],
      backends: [
        testBackend({
          name: BACKEND,
          balance: { kind: 'roundrobin' },
          ...options.backend,
          servers,
        }),
      ],
    },
    limit,
  );
  const page = `http://127.0.0.1:${balancer.ports.stats}/haproxyadmin?stats;csv`;
  const headers = { authorization: `Basic ${btoa('admin:admin')}`, connection: 'close' };
  return {
    balancer,
    pid: balancer.pid,
    port: balancer.ports[FRONTEND] ?? 0,
    async row() {
      const text = await (await fetch(page, { headers })).text();
      const [names = '', ...rows] = text.replace(/^# /, '').split('\n');
      const own = rows.find((row) => row.startsWith(`${BACKEND},BACKEND,`)) ?? '';
      const values = own.split(',');
      return Object.fromEntries(names.split(',').map((name, at) => [name, values[at] ?? '']));
    },
  };
}

/** A connected client that reads nothing until it is told to. */
export async function dialSilent(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.pause();
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}
