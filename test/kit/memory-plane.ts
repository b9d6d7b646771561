/**
 * A data plane in memory, whose clients are method calls. It has no threads, no loops that beat, no sockets,
 * and moves and ends no sessions: what the balancer still does with it, it does by the contract alone.
 */

import { CounterMap } from '../../src/balancer/fixture-plane.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  PlaneHealth,
  PlaneLimits,
  Reconfiguration,
} from '../../src/contracts/data-plane.ts';
import type { BackendCounter, FrontendCounter, ServerCounter } from '../../src/stats/catalogue.ts';

const CONNECTIONS_MAX = 8;

export type MemorySession = {
  /** Name of its server. */
  readonly server: string;
  /** Bytes from the client and to it. */
  transfer(bytesIn: number, bytesOut: number): void;
  end(): void;
};

/** Where a session is, by the indexes of the configuration. */
type Place = { readonly frontend: number; readonly backend: number; readonly server: number };

export class MemoryPlane implements DataPlane {
  counters = new CounterMap();
  /** Names of servers that refuse connections. */
  readonly refusing = new Set<string>();
  trouble: string | null = null;
  readonly #onEvent: (event: DataPlaneEvent) => void;
  #config: BalancerConfig;
  #snapshot: DataPlaneOptions['snapshot'];
  #accepting: boolean;
  readonly #places = new Set<Place>();

  constructor(options: DataPlaneOptions, onEvent: (event: DataPlaneEvent) => void) {
    this.#config = options.config;
    this.#snapshot = options.snapshot;
    this.#accepting = options.accepting;
    this.#onEvent = onEvent;
  }

  /** A client of a frontend, with the usable server that has the fewest; null: nobody takes it. */
  connect(frontend = 0): MemorySession | null {
    const wanted = this.#config.frontends[frontend]?.backend;
    const backend = this.#config.backends.findIndex(({ name }) => name === wanted);
    if (!this.#accepting || backend === -1) return null;
    const order = [...this.usable(backend)].sort(
      (one, other) => this.#sessions(backend, one) - this.#sessions(backend, other),
    );
    for (const server of order) {
      const session = this.#open({ frontend, backend, server });
      if (session !== null) return session;
    }
    this.#countBackend(backend, 'connectErrors', 1);
    return null;
  }

  /** Indexes of the servers that take new connections. */
  usable(backend = 0): readonly number[] {
    const servers = this.#snapshot.backends[backend]?.servers ?? [];
    return [...servers.keys()].filter((server) => servers[server]?.usable === true);
  }

  health(): PlaneHealth {
    return { threads: 0, trouble: this.trouble };
  }

  limits(): PlaneLimits {
    return { connections: CONNECTIONS_MAX };
  }

  apply(snapshot: DataPlaneOptions['snapshot']): void {
    this.#snapshot = snapshot;
  }

  async reconfigure({ config, snapshot }: Reconfiguration): Promise<number> {
    const ended = this.#places.size;
    this.#places.clear();
    this.counters = new CounterMap();
    this.#config = config;
    this.#snapshot = snapshot;
    return ended;
  }

  accept(): void {
    this.#accepting = true;
  }

  async pause(): Promise<void> {
    this.#accepting = false;
  }

  async stop(): Promise<void> {
    this.#places.clear();
  }

  #open(place: Place): MemorySession | null {
    const { frontend, backend, server } = place;
    const { name, servers } = this.#config.backends[backend] ?? { name: '', servers: [] };
    const chosen = servers[server]?.name ?? '';
    this.#countServer(place, 'sessionsTotal', 1);
    this.#countBackend(backend, 'choices', 1);
    if (this.refusing.has(chosen)) {
      this.#countServer(place, 'connectErrors', 1);
      const reason = 'Connection refused';
      this.#onEvent({ kind: 'connect-failed', backend: name, server: chosen, reason });
      return null;
    }
    this.#places.add(place);
    this.#countServer(place, 'connects', 1);
    this.#countServer(place, 'sessionsCurrent', 1);
    this.#countBackend(backend, 'sessionsTotal', 1);
    this.#countFrontend(frontend, 'connectionsTotal', 1);
    this.#countFrontend(frontend, 'sessionsTotal', 1);
    this.#countFrontend(frontend, 'connectionsCurrent', 1);
    return {
      server: chosen,
      transfer: (bytesIn, bytesOut) => {
        this.#countServer(place, 'bytesIn', bytesIn);
        this.#countServer(place, 'bytesOut', bytesOut);
      },
      end: () => {
        if (!this.#places.delete(place)) return;
        this.#countServer(place, 'sessionsCurrent', -1);
        this.#countFrontend(frontend, 'connectionsCurrent', -1);
      },
    };
  }

  #sessions(backend: number, server: number): number {
    return this.counters.server(backend, server, 'sessionsCurrent');
  }

  #countFrontend(index: number, name: FrontendCounter, amount: number): void {
    this.counters.setFrontend(index, name, this.counters.frontend(index, name) + amount);
  }

  #countBackend(index: number, name: BackendCounter, amount: number): void {
    this.counters.setBackend(index, name, this.counters.backend(index, name) + amount);
  }

  #countServer({ backend, server }: Place, name: ServerCounter, amount: number): void {
    const value = this.counters.server(backend, server, name) + amount;
    this.counters.setServer(backend, server, name, value);
  }
}
