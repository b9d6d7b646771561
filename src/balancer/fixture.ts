/** For tests: configurations with one thing changed, and a data plane that moves nothing. */

import type { BalancerConfig } from '../config/model/config.ts';
import type { BackendConfig, ServerConfig } from '../config/model/traffic.ts';
import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  MoveOrder,
  Reconfiguration,
  StartDataPlane,
} from '../contracts/data-plane.ts';
import type { CheckConfig } from '../health/kinds/check-kinds.ts';
import { counterLayout, SERVER_COUNTERS } from '../stats/layout.ts';

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

/** A data plane that remembers what it was told. */
export class FakeDataPlane implements DataPlane {
  layout: DataPlane['layout'];
  counters: readonly Float64Array[];
  readonly calls: string[] = [];
  readonly snapshots: Parameters<DataPlane['apply']>[0][];
  readonly emit: (event: DataPlaneEvent) => void;

  constructor(options: DataPlaneOptions, emit: (event: DataPlaneEvent) => void) {
    this.layout = counterLayout(options.config);
    this.counters = Array.from(
      { length: options.relays },
      () => new Float64Array(this.layout.length),
    );
    this.snapshots = [options.snapshot];
    this.emit = emit;
  }

  apply(snapshot: Parameters<DataPlane['apply']>[0]): void {
    this.snapshots.push(snapshot);
  }

  async reconfigure({ config, snapshot }: Reconfiguration): Promise<number> {
    this.calls.push('reconfigure');
    this.layout = counterLayout(config);
    this.counters = this.counters.map(() => new Float64Array(this.layout.length));
    this.snapshots.push(snapshot);
    return 0;
  }

  accept(): void {
    this.calls.push('accept');
  }

  shutdownSessions(backend: string, server: string): void {
    this.calls.push(`shutdown ${backend}/${server}`);
  }

  moveSession({ relay, backend, server, keep }: MoveOrder): void {
    this.calls.push(`move ${relay} ${backend}/${server} above ${keep}`);
  }

  pause(): void {
    this.calls.push('pause');
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
  }

  /** Sets one counter of one server, on the first relay. */
  setServerCounter(
    backend: number,
    server: number,
    name: (typeof SERVER_COUNTERS)[number],
    value: number,
  ): void {
    const block = this.layout.servers[backend]?.[server] ?? 0;
    const counters = this.counters[0];
    if (counters !== undefined) counters[block + SERVER_COUNTERS.indexOf(name)] = value;
  }
}

/** A StartDataPlane that gives fakes, and the fakes it gave. */
export function fakeDataPlanes(): { start: StartDataPlane; started: FakeDataPlane[] } {
  const started: FakeDataPlane[] = [];
  return {
    started,
    start: async (options, onEvent) => {
      const plane = new FakeDataPlane(options, onEvent);
      started.push(plane);
      return plane;
    },
  };
}
