/** The data plane made of relay threads: starts them, publishes to them, counts with them, ends them. */

import { Worker } from 'node:worker_threads';
import type { TrafficSnapshot } from '../../balance/snapshot.ts';
import { isSameTable, sourceTableMemory } from '../../balance/source-table.ts';
import { stickTableMemory } from '../../balance/stick-table.ts';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  MoveOrder,
  PlaneHealth,
  PlaneLimits,
  Reconfiguration,
} from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import { openWakeup, wake } from '../../linux/epoll.ts';
import { closeFd } from '../../linux/files.ts';
import { connectionsLimit } from './capacity.ts';
import { type CounterLayout, counterLayout } from './counting/counter-layout.ts';
import { CounterParts, CounterSums } from './counting/counter-sums.ts';
import { readGrant } from './grant.ts';
import type { MainToRelay, RelayListener, RelayStart, RelayToMain } from './messages.ts';
import type { TableMemory } from './routes/routes.ts';

const STOP_MS_MAX = 1000;

type Thread = {
  readonly worker: Worker;
  readonly wakeFd: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  alive(): boolean;
  send(message: MainToRelay): void;
  /** Resolves with the answer to the next 'reconfigure'; never, when the thread fails before. */
  reconfigured(): Promise<number>;
  /** Resolves with the answer to the next 'clear-counters'; never, when the thread fails before. */
  cleared(): Promise<void>;
  /** Resolves with the answer to 'settle-rights'; never, when the thread fails before. */
  settled(): Promise<void>;
};

/**
 * Resolves when every relay's loop turns. Rejects, with all threads ended, when one cannot start. The
 * listeners and the beat page's descriptor stay the caller's: they are used, never closed.
 */
export async function startDataPlane(
  options: DataPlaneOptions,
  onEvent: (event: DataPlaneEvent) => void,
): Promise<RelayPool> {
  const { config } = options;
  const { relays, beatFd } = readGrant(options.grant);
  const layout = counterLayout(config);
  const counters = newCounters(layout, relays);
  const memory = tableMemory(config, relays, null);
  const end: End = { over: false, failure: null };
  const report = (event: DataPlaneEvent): void => {
    if (end.over) return;
    if (event.kind === 'failed') {
      end.over = true;
      end.failure = event.message;
    }
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
      beatFd,
      filesMax: options.filesMax,
      counters,
      ...memory,
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
    end.over = true;
    await endThreads(threads);
    throw error;
  }
  const parts = new CounterParts(layout, counters);
  return new RelayPool(parts, threads, { config, ...memory }, options.filesMax, end);
}

/** Nothing is told any more once it is over. */
type End = { over: boolean; failure: string | null };

/** The tables of a configuration. */
type Tables = TableMemory & { readonly config: BalancerConfig };

function tableMemory(config: BalancerConfig, relays: number, before: Tables | null): TableMemory {
  return {
    sticks: stickMemory(config, before),
    tables: sourceMemory(config, relays, before),
  };
}

function sourceMemory(
  config: BalancerConfig,
  relays: number,
  before: Tables | null,
): TableMemory['tables'] {
  const fresh = (sources: number): readonly SharedArrayBuffer[] =>
    Array.from({ length: relays }, () => sourceTableMemory(sources));
  return (config.tables ?? []).map((table) => {
    const known = before?.config.tables?.findIndex((one) => isSameTable(one, table)) ?? -1;
    return before?.tables[known] ?? fresh(table.sources);
  });
}

/** A table stays as long as its backend has the same servers and room for as many sources. */
function stickMemory(config: BalancerConfig, before: Tables | null): TableMemory['sticks'] {
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

export class RelayPool implements DataPlane {
  counters: CounterSums;
  /** The same, relay by relay. */
  parts: CounterParts;
  readonly #threads: readonly Thread[];
  #tables: Tables;
  readonly #filesMax: number;
  readonly #end: End;
  #stopped: Promise<void> | null = null;
  #reconfiguring = false;

  constructor(
    parts: CounterParts,
    threads: readonly Thread[],
    tables: Tables,
    filesMax: number,
    end: End,
  ) {
    this.parts = parts;
    this.counters = new CounterSums(parts);
    this.#threads = threads;
    this.#tables = tables;
    this.#filesMax = filesMax;
    this.#end = end;
  }

  health(): PlaneHealth {
    const threads = this.#threads.filter((thread) => thread.alive()).length;
    return { threads, trouble: this.#end.failure };
  }

  limits(): PlaneLimits {
    const { config } = this.#tables;
    return { connections: connectionsLimit(config, this.#filesMax, this.#threads.length) };
  }

  apply(snapshot: TrafficSnapshot): void {
    // Its indexes may be those of the old configuration; the caller applies another one afterwards.
    if (!this.#reconfiguring) this.#tellAll({ kind: 'snapshot', snapshot });
  }

  shutdownSessions(backend: string, server: string): void {
    this.#tellAll({ kind: 'shutdown-sessions', backend, server });
  }

  /** By chance of one of the relays, of one with more sessions of the server more often. */
  moveSession(order: MoveOrder): void {
    if (this.#reconfiguring) return;
    const sessions = this.parts.server(order.backend, order.server, 'sessionsCurrent');
    const relay = chooseByWeight(sessions, Math.random());
    this.#threads[relay]?.send({ kind: 'move-session', ...order });
  }

  async clearCounters(all: boolean): Promise<void> {
    const answers = this.#threads.map((thread) => thread.cleared());
    this.#tellAll({ kind: 'clear-counters', all });
    await Promise.all(answers);
  }

  async settleRights(): Promise<void> {
    const answers = this.#threads.map((thread) => thread.settled());
    this.#tellAll({ kind: 'settle-rights' });
    await Promise.all(answers);
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
    const memory = tableMemory(config, this.#threads.length, this.#tables);
    const ended = this.#threads.map((thread, relay) => {
      const own = listenersOf({ config, listeners }, relay);
      const answer = thread.reconfigured();
      thread.send({ kind: 'reconfigure', config, listeners: own, snapshot, counters, ...memory });
      return answer;
    });
    const each = await Promise.all(ended);
    this.parts = new CounterParts(layout, counters);
    this.counters = new CounterSums(this.parts);
    this.#tables = { config, ...memory };
    this.#reconfiguring = false;
    return each.reduce((sum, one) => sum + one, 0);
  }

  stop(): Promise<void> {
    this.#end.over = true;
    this.#stopped ??= endThreads(this.#threads);
    return this.#stopped;
  }

  #tellAll(message: MainToRelay): void {
    for (const thread of this.#threads) thread.send(message);
  }
}

/** Index of one of them; `chance`: 0 up to, but without, 1. */
function chooseByWeight(weights: readonly number[], chance: number): number {
  let left = chance * weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return Math.max(0, chosen);
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
    if (purpose.kind !== 'frontend' || purpose.socket !== relay) return [];
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
      else if (message.kind === 'counters-cleared') clearings.shift()?.();
      else if (message.kind === 'rights-settled') settled.resolve();
      else report(message);
    });
  });
  let answer = (_ended: number): void => {};
  const settled = Promise.withResolvers<void>();
  // Answers come in the order of the questions.
  const clearings: (() => void)[] = [];
  const thread: Thread = {
    worker,
    wakeFd: start.wakeFd,
    gone,
    alive: () => alive,
    send(message) {
      if (!alive) return;
      worker.postMessage(message);
      wake(start.wakeFd);
    },
    reconfigured: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    cleared: () =>
      new Promise((resolve) => {
        clearings.push(resolve);
      }),
    settled: () => settled.promise,
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
