/** What signals ask of a node, from before its start to its end; and that it cannot go on, which asks for the same. */

import type { EventDetail } from '../../contracts/events.ts';
import type { Log } from '../log.ts';
import { CancelledStart } from './cancelled-start.ts';

/** A node that works. */
type Started = {
  readonly log: Log;
  readonly onHangUp: () => void;
  readonly onHandOver: () => void;
};

export class RunSignals {
  readonly #cancel = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #log: Log;
  #started: Started | null = null;
  #hungUp = false;
  #failed = false;

  constructor(log: Log) {
    this.#log = log;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        this.#log('info', `${signal}: stopping`, ending('stopping', signal));
        this.#end(false);
      });
    }
    process.on('SIGHUP', () => this.#hangUp());
    process.on('SIGUSR2', () => this.#handOver());
  }

  /** Ends a start; its reason is a CancelledStart. */
  get cancel(): AbortSignal {
    return this.#cancel.signal;
  }

  /** Resolves when the node is to stop. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** It stops because it could not go on. */
  get failed(): boolean {
    return this.#failed;
  }

  /** What ended the start wants nothing to be released. */
  get startHandsOver(): boolean {
    return this.cancel.reason instanceof CancelledStart && this.cancel.reason.handsOver;
  }

  fail(text: string): void {
    this.#failed = true;
    this.#log('error', text, ending('failed', text));
    this.#end(false);
  }

  /** It works: signals are for it from now on. One SIGHUP, or more, of before was about files that had been read. */
  follow(started: Started): void {
    this.#started = started;
    this.#log = started.log;
    if (this.#hungUp) started.onHangUp();
  }

  #hangUp(): void {
    if (this.#started === null) this.#hungUp = true;
    else this.#started.onHangUp();
  }

  #handOver(): void {
    const text = 'SIGUSR2: leaves connections and VIP to the process that follows';
    this.#log('info', text, ending('hands-over', 'SIGUSR2'));
    if (this.#started === null) this.#end(true);
    else this.#started.onHandOver();
  }

  #end(handsOver: boolean): void {
    this.#cancel.abort(new CancelledStart(handsOver));
    this.#finished.resolve();
  }
}

function ending(to: 'stopping' | 'failed' | 'hands-over', why: string): EventDetail {
  return { kind: 'guardian', to, pid: process.pid, why };
}
