/**
 * The warm spare: a second balancer that has started, dropped its privileges and waits. When the active
 * one is gone it takes over the same listening sockets within milliseconds, and a new spare follows.
 */

import { assert } from '../../core/assert.ts';
import type { BalancerStatus } from '../../stats/status.ts';
import type { Log } from '../log.ts';
import { type BalancerLaunch, BalancerProcess } from './balancer-process.ts';

/** Before a spare is started, so that its start does not compete with a balancer that has just begun. */
const START_DELAY_MS = 100;

/** After a spare that ended by itself; doubled for each in a row. */
const RETRY_DELAY_MS = 250;
const RETRY_DELAY_MS_MAX = 60_000;

export type SpareOptions = {
  readonly launch: () => Omit<BalancerLaunch, 'standby' | 'servers'>;
  readonly log: Log;
  /** Called with the pid of each new spare. */
  readonly onPid: (pid: number) => void;
  /** It broke the protocol: what to say of it, with how many did before. */
  readonly countBreach: (why: string) => string;
};

export type SpareState = BalancerStatus['spare'];

export class Spare {
  readonly #options: SpareOptions;
  #current: BalancerProcess | null = null;
  #ready = false;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #stopped = false;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  get state(): SpareState {
    if (this.#current === null) return { state: 'none', pid: null };
    return { state: this.#ready ? 'ready' : 'starting', pid: this.#current.pid };
  }

  /** Has one started, unless there is one or one is coming. */
  want(delayMs = START_DELAY_MS): void {
    if (this.#stopped || this.#current !== null || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#start();
    }, delayMs);
  }

  /** Hands over a spare, also one that is still starting: it is ahead of a new one. null: there is none. */
  take(): BalancerProcess | null {
    const taken = this.#current;
    this.#current = null;
    this.#ready = false;
    return taken;
  }

  /** Has another one started in its place, by what launch() says now. */
  renew(): void {
    this.take()?.kill();
    this.want();
  }

  /** Has it go on by another configuration; one that cannot is replaced. */
  reload(tell: (spare: BalancerProcess) => void): void {
    const spare = this.#current;
    if (spare === null) return;
    try {
      tell(spare);
    } catch (error) {
      this.#giveUp(spare, `it cannot be told of the new configuration: ${String(error)}`);
    }
  }

  /** Kills one that hangs. */
  checkBeats(everyMs: number): void {
    const spare = this.#current;
    const hung = this.#ready ? (spare?.checkBeats(everyMs) ?? null) : null;
    if (spare !== null && hung !== null) this.#giveUp(spare, hung);
  }

  #giveUp(spare: BalancerProcess, why: string): void {
    this.#options.log('warning', `Spare ${spare.pid} is killed: ${why}`);
    spare.kill();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#current?.kill();
    this.#current = null;
  }

  #start(): void {
    assert(this.#current === null, 'one spare waits');
    const spare = new BalancerProcess(
      { ...this.#options.launch(), standby: true, servers: [] },
      {
        message: (message) => {
          if (message.kind === 'log') this.#options.log(message.level, `Spare: ${message.text}`);
          if (message.kind === 'reload' && message.error !== null) {
            this.#giveUp(spare, message.error);
          }
          if (message.kind !== 'prepared') return;
          this.#ready = true;
          this.#failures = 0;
          spare.watch();
        },
        breach: (why) => this.#giveUp(spare, this.#options.countBreach(why)),
        ended: (why) => this.#onEnded(spare, why),
      },
    );
    if (spare.pid !== null) this.#options.onPid(spare.pid);
    this.#current = spare;
  }

  #onEnded(spare: BalancerProcess, why: string): void {
    if (this.#stopped || this.#current !== spare) return;
    this.#current = null;
    this.#ready = false;
    this.#failures++;
    const delay = Math.min(RETRY_DELAY_MS * 2 ** (this.#failures - 1), RETRY_DELAY_MS_MAX);
    this.#options.log(
      'warning',
      `Spare ${spare.pid} is gone: ${why}; another starts in ${delay} ms`,
    );
    this.want(delay);
  }
}
