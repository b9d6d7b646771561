/** The data plane made of relay threads: starts them, publishes to them, counts with them, ends them. */

import { Worker } from 'node:worker_threads';
import type { TrafficSnapshot } from '../../balance/snapshot.ts';
import { stickTableMemory } from '../../balance/stick-table.ts';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  MoveOrder,
  Reconfiguration,
  StartDataPlane,
} from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import { RELAYS_MAX } from '../../core/beats.ts';
import { openWakeup, wake } from '../../linux/epoll.ts';
import { closeFd } from '../../linux/files.ts';
import { type CounterLayout, counterLayout } from '../../stats/layout.ts';
import type { MainToRelay, RelayListener, RelayStart, RelayToMain } from './messages.ts';

const STOP_MS_MAX = 1000;

type Thread = {
  readonly worker: Worker;
  readonly wakeFd: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  send(message: MainToRelay): void;
  /** Resolves with the answer to the next 'reconfigure'; never, when the thread fails before. */
  reconfigured(): Promise<number>;
};

/**
 * Resolves when every relay's loop turns. Rejects, with all threads ended, when one cannot start. The
 * listeners and the beat page's descriptor stay the caller's: they are used, never closed.
 */
export const startDataPlane: StartDataPlane = async (options, onEvent) => {
  const { config, relays } = options;
  assert(relays >= 1 && relays <= RELAYS_MAX, 'the number of relays is within the beat page');
  const layout = counterLayout(config);
  const counters = newCounters(layout, relays);
  const sticks = stickMemory(config, null);
  let over = false;
  const report = (event: DataPlaneEvent): void => {
    if (over) return;
    if (event.kind === 'failed') over = true;
    onEvent(event);
  };
  const threads: Thread[] = [];
  const started: Promise<void>[] = [];
  for (let relay = 0; relay < relays; relay++) {
    const wakeFd = openWakeup();
    const start: RelayStart = {
      config,
      relay,
      listeners: listenersOf(options, relay),
      accepting: options.accepting,
      snapshot: options.snapshot,
      beatFd: options.beatFd,
      filesMax: options.filesMax,
      counters,
      sticks,
      wakeFd,
      timeOrigin: performance.timeOrigin,
    };
    const { thread, ready } = startThread(start, report);
    threads.push(thread);
    started.push(ready);
  }
  try {
    await Promise.all(started);
  } catch (error) {
    over = true;
    await endThreads(threads);
    throw error;
  }
  return new RelayPool(layout, counters, threads, { config, sticks }, () => {
    over = true;
  });
};

/** The stick tables of a configuration, by its backends. */
type Sticks = {
  readonly config: BalancerConfig;
  readonly sticks: readonly (SharedArrayBuffer | null)[];
};

/** A table stays as long as its backend has the same servers and room for as many sources. */
function stickMemory(config: BalancerConfig, before: Sticks | null): Sticks['sticks'] {
  const keyOf = ({ name, servers, stickySources }: BackendConfig): string =>
    JSON.stringify([name, stickySources?.sources, servers.map((server) => server.name)]);
  const known = new Map(
    before?.config.backends.map((backend, index) => [keyOf(backend), before.sticks[index]]),
  );
  return config.backends.map((backend) => {
    if (backend.stickySources === undefined) return null;
    return known.get(keyOf(backend)) ?? stickTableMemory(backend.stickySources.sources);
  });
}

class RelayPool implements DataPlane {
  layout: CounterLayout;
  counters: readonly Float64Array[];
  readonly #threads: readonly Thread[];
  #sticks: Sticks;
  readonly #silence: () => void;
  #stopped: Promise<void> | null = null;
  #reconfiguring = false;

  constructor(
    layout: CounterLayout,
    counters: readonly Float64Array[],
    threads: readonly Thread[],
    sticks: Sticks,
    silence: () => void,
  ) {
    this.layout = layout;
    this.counters = counters;
    this.#threads = threads;
    this.#sticks = sticks;
    this.#silence = silence;
  }

  apply(snapshot: TrafficSnapshot): void {
    // Its indexes may be those of the old configuration; the caller applies another one afterwards.
    if (!this.#reconfiguring) this.#tellAll({ kind: 'snapshot', snapshot });
  }

  shutdownSessions(backend: string, server: string): void {
    this.#tellAll({ kind: 'shutdown-sessions', backend, server });
  }

  moveSession({ relay, ...order }: MoveOrder): void {
    if (!this.#reconfiguring) this.#threads[relay]?.send({ kind: 'move-session', ...order });
  }

  accept(): void {
    this.#tellAll({ kind: 'accept' });
  }

  pause(): void {
    this.#tellAll({ kind: 'pause' });
  }

  async reconfigure({ config, listeners, snapshot }: Reconfiguration): Promise<number> {
    assert(!this.#reconfiguring, 'configurations come one after the other');
    this.#reconfiguring = true;
    const layout = counterLayout(config);
    const counters = newCounters(layout, this.#threads.length);
    const sticks = stickMemory(config, this.#sticks);
    const ended = this.#threads.map((thread, relay) => {
      const own = listenersOf({ config, listeners }, relay);
      const answer = thread.reconfigured();
      thread.send({ kind: 'reconfigure', config, listeners: own, snapshot, counters, sticks });
      return answer;
    });
    const each = await Promise.all(ended);
    this.layout = layout;
    this.counters = counters;
    this.#sticks = { config, sticks };
    this.#reconfiguring = false;
    return each.reduce((sum, one) => sum + one, 0);
  }

  stop(): Promise<void> {
    this.#silence();
    this.#stopped ??= endThreads(this.#threads);
    return this.#stopped;
  }

  #tellAll(message: MainToRelay): void {
    for (const thread of this.#threads) thread.send(message);
  }
}

function newCounters(layout: CounterLayout, relays: number): readonly Float64Array[] {
  return Array.from(
    { length: relays },
    () => new Float64Array(new SharedArrayBuffer(layout.length * 8)),
  );
}

function listenersOf(
  { config, listeners }: Pick<DataPlaneOptions, 'config' | 'listeners'>,
  relay: number,
): RelayListener[] {
  return listeners.flatMap(({ fd, purpose }) => {
    if (purpose.kind !== 'frontend' || purpose.relay !== relay) return [];
    const frontend = config.frontends.findIndex(({ name }) => name === purpose.frontend);
    assert(frontend >= 0, `frontend "${purpose.frontend}" exists`);
    return [{ fd, frontend }];
  });
}

function startThread(
  start: RelayStart,
  report: (event: DataPlaneEvent) => void,
): { readonly thread: Thread; readonly ready: Promise<void> } {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: start,
    name: `relay-${start.relay}`,
  });
  let alive = true;
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      alive = false;
      closeFd(start.wakeFd);
      resolve();
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (message: string): void => {
      reject(new Error(message));
      report({ kind: 'failed', message });
    };
    worker.on('error', (error) => fail(`Relay ${start.relay} failed: ${String(error)}`));
    worker.once('exit', (code) => fail(`Relay ${start.relay} ended with code ${code}`));
    worker.on('message', (message: RelayToMain) => {
      if (message.kind === 'ready') resolve();
      else if (message.kind === 'reconfigured') answer(message.ended);
      else report(message);
    });
  });
  let answer = (_ended: number): void => {};
  const thread: Thread = {
    worker,
    wakeFd: start.wakeFd,
    gone,
    send(message) {
      if (!alive) return;
      worker.postMessage(message);
      wake(start.wakeFd);
    },
    reconfigured: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  };
  return { thread, ready };
}

async function endThreads(threads: readonly Thread[]): Promise<void> {
  for (const thread of threads) thread.send({ kind: 'stop' });
  const patience = new AbortController();
  const late = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, STOP_MS_MAX);
    patience.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  await Promise.race([Promise.all(threads.map(({ gone }) => gone)), late]);
  patience.abort();
  // A thread that did not listen is ended from outside; it has nothing left to lose.
  for (const { worker } of threads) void worker.terminate();
}
