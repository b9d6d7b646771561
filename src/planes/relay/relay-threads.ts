/**
 * The data plane made of relay threads: starts them, publishes to them, counts with them, ends them.
 *
 * That of a spare has one of them, which accepts from the sockets of all. The others start once it accepts, and take
 * their sockets from it when their loops turn, so that no queue is ever without one that accepts (docs/adr/0033).
 */

import type { Worker } from 'node:worker_threads';
import type { TrafficSnapshot } from '../../balance/snapshot.ts';
import type {
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  MoveOrder,
  PlaneHealth,
  PlaneLimits,
  Reconfiguration,
  StartDataPlane,
} from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import { openWakeup } from '../../linux/epoll.ts';
import { connectionsLimit } from './capacity.ts';
import { type CounterLayout, counterLayout } from './counting/counter-layout.ts';
import { CounterParts, CounterSums } from './counting/counter-sums.ts';
import { readGrant } from './grant.ts';
import { startsOthersLater } from './late-threads.ts';
import type { MainToRelay, RelayListener, RelayStart } from './messages.ts';
import {
  endRelayThreads,
  openRelayThread,
  type RelayThread,
  startRelayThread,
} from './relay-thread.ts';
import { tableMemory } from './routes/table-memory.ts';

/** Of a thread that is left for later: a reload waits for all that there are, and gives up after three times as long. */
const LATE_START_MS_MAX = 10_000;

/**
 * Resolves when every relay's loop turns that is to be there before it accepts. Rejects, with all threads ended, when
 * one cannot start. The listeners and the beat page's descriptor stay the caller's: they are used, never closed. `first`:
 * what becomes relay 0; null: it is made.
 */
export async function startDataPlane(
  options: DataPlaneOptions,
  onEvent: (event: DataPlaneEvent) => void,
  first: Worker | null = null,
): Promise<RelayPool> {
  const pool = new RelayPool(options, onEvent, first);
  await pool.start();
  return pool;
}

/**
 * As startDataPlane(), which is called once. The first relay's thread begins now, and loads its code while its process
 * waits to be told anything: then it is there at once.
 */
export function startDataPlaneAhead(): StartDataPlane {
  const first = openRelayThread(0);
  return (options, onEvent) => startDataPlane(options, onEvent, first);
}

/** What relays go by: those that start, and those that run. */
type Orders = Pick<DataPlaneOptions, 'config' | 'listeners' | 'snapshot'> &
  Pick<RelayStart, 'counters' | 'sticks' | 'tables'>;

/** Nothing is told any more once it is over. */
type End = { over: boolean; failure: string | null };

export class RelayPool implements DataPlane {
  /** The same as the sums, relay by relay. */
  parts: CounterParts;
  counters: CounterSums;
  /** Settles when those run that were left for later; null: none was. */
  readonly lateThreads: Promise<void> | null;
  readonly #options: DataPlaneOptions;
  readonly #onEvent: (event: DataPlaneEvent) => void;
  readonly #first: Worker | null;
  /** How many there are to be. */
  readonly #relays: number;
  readonly #beatFd: number;
  /** In the order of their numbers; those of now, also while they start. */
  #threads: RelayThread[] = [];
  /** Numbers of those whose loops turn. The sockets of the others are accepted from by relay 0. */
  readonly #running = new Set<number>();
  readonly #late: PromiseWithResolvers<void> | null;
  readonly #end: End = { over: false, failure: null };
  /** As they were last told. */
  #orders: Orders;
  #accepting: boolean;
  #stopped: Promise<void> | null = null;
  #reconfiguring = false;

  constructor(
    options: DataPlaneOptions,
    onEvent: (event: DataPlaneEvent) => void,
    first: Worker | null,
  ) {
    const { config, listeners, snapshot } = options;
    const { relays, beatFd } = readGrant(options.grant);
    this.#options = options;
    this.#onEvent = onEvent;
    this.#first = first;
    this.#relays = relays;
    this.#beatFd = beatFd;
    this.#accepting = options.accepting;
    this.#late = relays > 1 && startsOthersLater(options) ? Promise.withResolvers() : null;
    this.lateThreads = this.#late?.promise ?? null;
    const layout = counterLayout(config);
    const counters = newCounters(layout, relays);
    this.#orders = { config, listeners, snapshot, counters, ...tableMemory(config, relays, null) };
    this.parts = new CounterParts(layout, counters);
    this.counters = new CounterSums(this.parts);
  }

  /** Once, before anything else. */
  async start(): Promise<void> {
    const first = this.#late === null ? this.#relays : 1;
    const started = Array.from({ length: first }, (_, relay) =>
      this.#startThread(relay, (event) => this.#report(event)),
    );
    try {
      await Promise.all(started);
    } catch (error) {
      this.#end.over = true;
      await endRelayThreads(this.#threads);
      throw error;
    }
  }

  health(): PlaneHealth {
    const threads = this.#threads.filter((thread) => thread.alive()).length;
    return { threads, trouble: this.#end.failure };
  }

  limits(): PlaneLimits {
    const { config } = this.#orders;
    return { connections: connectionsLimit(config, this.#options.filesMax, this.#relays) };
  }

  apply(snapshot: TrafficSnapshot): void {
    // Its indexes may be those of the old configuration; the caller applies another one afterwards.
    if (this.#reconfiguring) return;
    this.#orders = { ...this.#orders, snapshot };
    this.#tellAll({ kind: 'snapshot', snapshot });
  }

  shutdownSessions(backend: string, server: string): void {
    this.#tellAll({ kind: 'shutdown-sessions', backend, server });
  }

  /** By chance of one of the relays, of one with more sessions of the server more often. */
  moveSession(order: MoveOrder): void {
    if (this.#reconfiguring) return;
    const sessions = this.parts.server(order.backend, order.server, 'sessionsCurrent');
    const chosen = chooseByWeight(sessions, Math.random());
    const thread = this.#threads.find(({ relay }) => relay === chosen);
    thread?.send({ kind: 'move-session', ...order });
  }

  async clearCounters(all: boolean): Promise<void> {
    const answers = this.#threads.map((thread) => thread.cleared());
    this.#tellAll({ kind: 'clear-counters', all });
    await Promise.all(answers);
  }

  /** Those that start later are of the other account from the beginning. */
  async settleRights(): Promise<void> {
    const answers = this.#threads.map((thread) => thread.settled());
    this.#tellAll({ kind: 'settle-rights' });
    await Promise.all(answers);
  }

  accept(): void {
    this.#accepting = true;
    this.#tellAll({ kind: 'accept' });
    if (this.#late !== null && this.#threads.length === 1) this.#startLate(this.#late);
  }

  async pause(): Promise<void> {
    this.#accepting = false;
    this.#tellAll({ kind: 'pause' });
    await Promise.all(this.#threads.map((thread) => thread.paused()));
  }

  async reconfigure({ config, listeners, snapshot }: Reconfiguration): Promise<number> {
    assert(!this.#reconfiguring, 'configurations come one after the other');
    this.#reconfiguring = true;
    const layout = counterLayout(config);
    const counters = newCounters(layout, this.#relays);
    const memory = tableMemory(config, this.#relays, this.#orders);
    this.#orders = { config, listeners, snapshot, counters, ...memory };
    const ended = this.#threads.map((thread) => {
      const own = this.#listenersOf(thread.relay);
      const answer = thread.reconfigured();
      thread.send({ kind: 'reconfigure', config, listeners: own, snapshot, counters, ...memory });
      return answer;
    });
    const each = await Promise.all(ended);
    this.parts = new CounterParts(layout, counters);
    this.counters = new CounterSums(this.parts);
    this.#reconfiguring = false;
    return each.reduce((sum, one) => sum + one, 0);
  }

  stop(): Promise<void> {
    this.#end.over = true;
    this.#stopped ??= endRelayThreads(this.#threads);
    return this.#stopped;
  }

  /**
   * All but the first, side by side. One that cannot start, or hangs while it does, leaves its part of the work to the
   * first for good: that is better than the end of all connections.
   */
  #startLate(late: PromiseWithResolvers<void>): void {
    const started = Array.from({ length: this.#relays - 1 }, async (_, index) => {
      const relay = index + 1;
      const report = (event: DataPlaneEvent): void => {
        if (event.kind !== 'failed' || this.#running.has(relay)) this.#report(event);
      };
      const hung = Promise.withResolvers<never>();
      const why = new Error(`Relay ${relay} did not start within ${LATE_START_MS_MAX} ms`);
      const timer = setTimeout(() => hung.reject(why), LATE_START_MS_MAX);
      try {
        await Promise.race([this.#startThread(relay, report), hung.promise]);
      } catch (error) {
        this.#goOnWithout(relay, error instanceof Error ? error.message : String(error));
      } finally {
        clearTimeout(timer);
      }
    });
    void Promise.all(started).then(() => late.resolve());
  }

  #goOnWithout(relay: number, why: string): void {
    this.#threads.find((thread) => thread.relay === relay)?.terminate();
    this.#threads = this.#threads.filter((thread) => thread.relay !== relay);
    if (this.#end.over) return;
    this.#end.failure = why;
    this.#onEvent({ kind: 'short-handed', message: `${why}; the others do its work` });
  }

  async #startThread(relay: number, report: (event: DataPlaneEvent) => void): Promise<void> {
    const { config, snapshot, counters, sticks, tables } = this.#orders;
    const { thread, ready } = startRelayThread(
      {
        ...{ config, relay, snapshot, counters, sticks, tables },
        listeners: this.#listenersOf(relay),
        accepting: this.#accepting,
        standby: this.#options.standby && relay === 0,
        beatFd: this.#beatFd,
        filesMax: this.#options.filesMax,
        wakeFd: openWakeup(),
        timeOrigin: performance.timeOrigin,
      },
      report,
      (relay === 0 ? this.#first : null) ?? undefined,
    );
    this.#threads.push(thread);
    await ready;
    // It was given up a moment ago.
    if (!this.#threads.includes(thread)) return;
    this.#running.add(relay);
    if (this.#late === null || relay === 0) return;
    const [first] = this.#threads;
    first?.send({ kind: 'relisten', listeners: this.#listenersOf(0) });
  }

  /** Of one that starts or runs: its own, and for the first those of all that do not run. */
  #listenersOf(relay: number): RelayListener[] {
    const { config, listeners } = this.#orders;
    return listeners.flatMap(({ fd, purpose }) => {
      if (purpose.kind !== 'frontend') return [];
      const { socket } = purpose;
      const standsIn = this.#late !== null && relay === 0 && !this.#running.has(socket);
      if (socket !== relay && !standsIn) return [];
      const frontend = config.frontends.findIndex(({ name }) => name === purpose.frontend);
      assert(frontend >= 0, `frontend "${purpose.frontend}" exists`);
      return [{ fd, frontend }];
    });
  }

  #report(event: DataPlaneEvent): void {
    if (this.#end.over) return;
    if (event.kind === 'failed') {
      this.#end.over = true;
      this.#end.failure = event.message;
    }
    this.#onEvent(event);
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
