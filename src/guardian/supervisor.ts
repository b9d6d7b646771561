/**
 * Keeps a balancer running: starts it, watches its beats, kills and replaces it, and says whether this
 * node balances. The decisions are in supervision.ts and beat-monitor.ts.
 */

import type { BalancerToGuardian } from '../balancer/protocol.ts';
import type { BalancerConfig } from '../config/model.ts';
import { BEAT_PAGE_BYTES, MAIN_BEAT_SLOT, RELAY_BEAT_SLOT, TID_SLOT } from '../core/beats.ts';
import { OperationalError } from '../core/errors.ts';
import type { AdminState, ServerStateRecord } from '../health/server-state.ts';
import { closeFd, createSharedMemory, mapSharedMemory } from '../linux/files.ts';
import type { BalancerReport, BalancerStatus } from '../stats/status.ts';
import { BalancerProcess } from './balancer-process.ts';
import {
  type LoopWatch,
  MAIN_SILENCE_MS,
  observeLoop,
  RELAY_SILENCE_MS,
  watchLoop,
} from './beat-monitor.ts';
import type { Listeners } from './listeners.ts';
import type { Log } from './log.ts';
import { threadState } from './process-table.ts';
import {
  type SupervisionEvent,
  type SupervisionState,
  startSupervision,
  superviseStep,
} from './supervision.ts';

const TICK_MS = 25;
const START_LIMIT_MS = 10_000;
/** A report that takes longer is given up; the guardian never waits for a balancer. */
const REPORT_LIMIT_MS = 500;
/** Requests to a balancer that are open at one time. */
const REQUESTS_MAX = 64;

export type SupervisorOptions = {
  readonly config: BalancerConfig;
  readonly relays: number;
  readonly listeners: Listeners;
  readonly graceMs: number;
  readonly log: Log;
  /** Called when this node begins or ceases to count as one that balances. */
  readonly onServing: (serving: boolean, why: string) => void;
  /** Called with the pid of each new balancer. */
  readonly onPid: (pid: number) => void;
};

type Reply = Extract<BalancerToGuardian, { readonly id: number }>;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #beatFd: number;
  readonly #beats: Uint32Array;
  readonly #timer: NodeJS.Timeout;
  readonly #requests = new Map<number, (reply: Reply | null) => void>();
  #state: SupervisionState;
  #process: BalancerProcess | null = null;
  #servers: readonly ServerStateRecord[] = [];
  #watches: LoopWatch[] = [];
  #lookedAt = 0;
  #nextRequest = 1;
  #failure: string | null = null;
  #settled: PromiseWithResolvers<void> | null = Promise.withResolvers<void>();
  #ended: (() => void) | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#beatFd = createSharedMemory('evergate-beats', BEAT_PAGE_BYTES);
    this.#beats = new Uint32Array(mapSharedMemory(this.#beatFd, BEAT_PAGE_BYTES));
    const first = startSupervision(performance.now());
    this.#state = first.state;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#spawn();
  }

  /** Resolves when the first balancer serves; rejects with OperationalError when it cannot. */
  started(): Promise<void> {
    return this.#settled?.promise ?? Promise.resolve();
  }

  async status(): Promise<BalancerStatus> {
    const reply = await this.#request((id) => ({ kind: 'report', id }));
    const report: BalancerReport | null = reply?.kind === 'report' ? reply.report : null;
    return {
      state: this.#state.phase,
      pid: this.#process?.pid ?? null,
      restarts: this.#state.restarts,
      lastExit: this.#state.lastExit,
      report,
    };
  }

  /** null: done; otherwise what is wrong. */
  async setServer(backend: string, server: string, admin: AdminState): Promise<string | null> {
    const reply = await this.#request((id) => ({ kind: 'set-server', id, backend, server, admin }));
    return reply?.kind === 'set-server' ? reply.error : 'The balancer does not answer';
  }

  /** Lets open connections finish for `graceMs`, then ends the balancer whatever it does. */
  async stop(graceMs: number): Promise<void> {
    this.#dispatch({ kind: 'stop' });
    clearInterval(this.#timer);
    if (this.#process !== null) {
      const gone = new Promise<void>((resolve) => {
        this.#ended = resolve;
      });
      this.#process.send({ kind: 'stop', graceMs });
      const force = setTimeout(() => this.#process?.kill(), graceMs + 1000);
      await gone;
      clearTimeout(force);
    }
    closeFd(this.#beatFd);
  }

  #spawn(): void {
    const { config, relays, listeners } = this.#options;
    this.#beats.fill(0);
    this.#watches = [];
    this.#failure = null;
    this.#process = new BalancerProcess(
      {
        config,
        relays,
        listeners: listeners.sockets,
        beatFd: this.#beatFd,
        servers: this.#servers,
      },
      {
        message: (message) => this.#receive(message),
        ended: (why) => this.#onEnded(why),
      },
    );
    if (this.#process.pid !== null) this.#options.onPid(this.#process.pid);
  }

  #receive(message: BalancerToGuardian): void {
    switch (message.kind) {
      case 'serving':
        this.#watchLoops();
        this.#settled?.resolve();
        this.#settled = null;
        this.#options.log('info', `Balancer ${this.#process?.pid} serves`);
        this.#dispatch({ kind: 'serving' });
        break;
      case 'servers':
        this.#servers = message.servers;
        break;
      case 'log':
        this.#options.log(message.level, message.text);
        break;
      case 'failed':
        this.#failure = message.text;
        this.#options.log('error', `Balancer ${this.#process?.pid} failed: ${message.text}`);
        break;
      default:
        this.#requests.get(message.id)?.(message);
    }
  }

  #onEnded(why: string): void {
    const reason = this.#failure ?? why;
    if (this.#state.phase !== 'stopping') {
      this.#options.log('warning', `Balancer ${this.#process?.pid} is gone: ${reason}`);
    }
    this.#process = null;
    for (const settle of this.#requests.values()) settle(null);
    if (this.#settled !== null && this.#failure !== null) {
      this.#settled.reject(new OperationalError('balancer-failed', this.#failure));
      this.#settled = null;
      this.#state = { ...this.#state, phase: 'stopping' };
      return;
    }
    this.#dispatch({ kind: 'ended', why: reason });
    this.#ended?.();
  }

  #watchLoops(): void {
    const now = performance.now();
    this.#lookedAt = now;
    this.#watches = [watchLoop('main thread', MAIN_SILENCE_MS, now)];
    for (let relay = 0; relay < this.#options.relays; relay++) {
      this.#watches.push(watchLoop(`relay ${relay}`, RELAY_SILENCE_MS, now));
    }
  }

  #tick(): void {
    const now = performance.now();
    const lateMs = Math.max(0, now - this.#lookedAt - 2 * TICK_MS);
    this.#lookedAt = now;
    const pid = this.#process?.pid ?? null;
    if (pid !== null) {
      this.#watches = this.#watches.map((watch, index) => {
        const slot = index === 0 ? MAIN_BEAT_SLOT : RELAY_BEAT_SLOT + index - 1;
        const thread = () => threadState(pid, this.#beats[TID_SLOT + slot] ?? 0);
        const verdict = observeLoop(watch, this.#beats[slot] ?? 0, now, lateMs, thread);
        if (verdict.hung !== null) this.#dispatch({ kind: 'hung', why: verdict.hung });
        return verdict.watch;
      });
    }
    this.#dispatch({ kind: 'tick' });
  }

  #dispatch(event: SupervisionEvent): void {
    const times = { graceMs: this.#options.graceMs, startMs: START_LIMIT_MS };
    const step = superviseStep(this.#state, event, performance.now(), times);
    this.#state = step.state;
    for (const effect of step.effects) {
      switch (effect.kind) {
        case 'spawn':
          this.#spawn();
          break;
        case 'kill':
          this.#options.log('error', `Balancer ${this.#process?.pid} is killed: ${effect.why}`);
          this.#watches = [];
          this.#process?.kill();
          break;
        case 'count':
          this.#options.onServing(effect.serving, effect.why);
          break;
      }
    }
  }

  /** Asks the balancer; null when it is gone, busy or slow. */
  #request(message: (id: number) => Parameters<BalancerProcess['send']>[0]): Promise<Reply | null> {
    if (this.#process === null || this.#requests.size >= REQUESTS_MAX) return Promise.resolve(null);
    const id = this.#nextRequest++;
    const { promise, resolve } = Promise.withResolvers<Reply | null>();
    const timer = setTimeout(() => resolve(null), REPORT_LIMIT_MS);
    this.#requests.set(id, resolve);
    this.#process.send(message(id));
    return promise.finally(() => {
      clearTimeout(timer);
      this.#requests.delete(id);
    });
  }
}
