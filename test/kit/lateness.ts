/**
 * How late this machine is: a thread that wants to run every few milliseconds notes when it could not. What
 * a test measures meanwhile is the machine's doing as far as that explains it (time-verdict.ts).
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** How long the thread sleeps each time. */
export const NAP_MS = 5;
/** Places in the shared memory. */
export const TOTAL = 0;
export const LONGEST = 1;
export const STOPPED = 0;

export type LatenessMemory = { readonly numbers: Float64Array; readonly flags: Int32Array };

export type Lateness = {
  /** Time that the thread was not given though it was due, in ms. */
  readonly totalMs: number;
  /** The longest of it in one piece. */
  readonly longestMs: number;
};

export class LatenessMeter {
  readonly #memory: LatenessMemory;
  readonly #worker: Worker;

  private constructor() {
    this.#memory = {
      numbers: new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT)),
      flags: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    };
    const file = new URL('./lateness-thread.ts', import.meta.url);
    this.#worker = new Worker(file, { workerData: this.#memory, execArgv: [] });
  }

  /** Resolves when it measures. */
  static async start(): Promise<LatenessMeter> {
    const meter = new LatenessMeter();
    await once(meter.#worker, 'online');
    // Whoever forgets to close it is not kept alive by it.
    meter.#worker.unref();
    return meter;
  }

  /** From now on. */
  reset(): void {
    this.#memory.numbers.fill(0);
  }

  /** Since the start, or the last reset(). */
  read(): Lateness {
    const [totalMs = 0, longestMs = 0] = this.#memory.numbers;
    return { totalMs, longestMs };
  }

  async close(): Promise<void> {
    Atomics.store(this.#memory.flags, STOPPED, 1);
    Atomics.notify(this.#memory.flags, STOPPED);
    await this.#worker.terminate();
  }
}
