/** For tests: a data plane that moves nothing and remembers what it was told. Its counters are what a test sets. */

import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  MoveOrder,
  NamedCounters,
  PlaneHealth,
  PlaneLimits,
  Reconfiguration,
  StartDataPlane,
} from '../contracts/data-plane.ts';
import type {
  BackendCounter,
  FrontendCounter,
  PlaneCounter,
  ServerCounter,
} from '../stats/catalogue.ts';

/** Counters in a map: 0 where nothing was set. */
export class CounterMap implements NamedCounters {
  readonly #values = new Map<string, number>();

  plane(name: PlaneCounter): number {
    return this.#get('plane', name);
  }

  frontend(index: number, name: FrontendCounter): number {
    return this.#get('frontend', index, name);
  }

  backend(index: number, name: BackendCounter): number {
    return this.#get('backend', index, name);
  }

  server(backend: number, server: number, name: ServerCounter): number {
    return this.#get('server', backend, server, name);
  }

  setPlane(name: PlaneCounter, value: number): void {
    this.#set(value, 'plane', name);
  }

  setFrontend(index: number, name: FrontendCounter, value: number): void {
    this.#set(value, 'frontend', index, name);
  }

  setBackend(index: number, name: BackendCounter, value: number): void {
    this.#set(value, 'backend', index, name);
  }

  setServer(backend: number, server: number, name: ServerCounter, value: number): void {
    this.#set(value, 'server', backend, server, name);
  }

  #get(...place: readonly (string | number)[]): number {
    return this.#values.get(place.join(' ')) ?? 0;
  }

  #set(value: number, ...place: readonly (string | number)[]): void {
    this.#values.set(place.join(' '), value);
  }
}

export class FakeDataPlane implements DataPlane {
  counters = new CounterMap();
  readonly calls: string[] = [];
  /** Resolves when nothing is accepted any more. */
  paused = Promise.resolve();
  readonly snapshots: Parameters<DataPlane['apply']>[0][];
  readonly emit: (event: DataPlaneEvent) => void;

  constructor(options: DataPlaneOptions, emit: (event: DataPlaneEvent) => void) {
    this.snapshots = [options.snapshot];
    this.emit = emit;
  }

  health(): PlaneHealth {
    return { threads: 1, trouble: null };
  }

  limits(): PlaneLimits {
    return { connections: 1000 };
  }

  apply(snapshot: Parameters<DataPlane['apply']>[0]): void {
    this.snapshots.push(snapshot);
  }

  async reconfigure({ snapshot }: Reconfiguration): Promise<number> {
    this.calls.push('reconfigure');
    this.counters = new CounterMap();
    this.snapshots.push(snapshot);
    return 0;
  }

  accept(): void {
    this.calls.push('accept');
  }

  shutdownSessions(backend: string, server: string): void {
    this.calls.push(`shutdown ${backend}/${server}`);
  }

  moveSession({ backend, server, keep }: MoveOrder): void {
    this.calls.push(`move ${backend}/${server} above ${keep}`);
  }

  async clearCounters(all: boolean): Promise<void> {
    this.calls.push(all ? 'clear all' : 'clear peaks');
  }

  pause(): Promise<void> {
    this.calls.push('pause');
    return this.paused;
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
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
