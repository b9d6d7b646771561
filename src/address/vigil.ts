/**
 * Whether the process that owns addresses hangs: a master that gives no sign of life in its mastership file for
 * longer than its election says. All times are ms of linux/clock.ts.
 */

import { assert } from '../core/assert.ts';
import type { VigilPlan } from './estate.ts';
import { MastershipReader, recordName } from './mastership.ts';

export type Look = {
  /** A master gives no sign of life. */
  readonly silent: boolean;
  /** When the next look is due; Infinity: there is nothing to look at. */
  readonly nextAt: number;
};

export class Vigil {
  readonly #reader: MastershipReader;
  readonly #silencesMs: ReadonlyMap<string, number>;
  readonly #shortestMs: number;
  /** Last signs of life of those whose silence is dealt with. */
  #settled: ReadonlyMap<string, number> = new Map();

  /** Throws Error when the file cannot be opened. The owner closes it. */
  constructor({ mastershipFile, silencesMs }: VigilPlan) {
    this.#silencesMs = silencesMs;
    this.#shortestMs = Math.min(Number.POSITIVE_INFINITY, ...silencesMs.values());
    assert(this.#shortestMs > 0, 'nobody shows life all the time');
    this.#reader = new MastershipReader(mastershipFile);
  }

  look(now: number): Look {
    const masters = this.#reader.read();
    // Who becomes master right after this look is silent no earlier.
    let nextAt = now + this.#shortestMs;
    let silent = false;
    for (const [name, silenceMs] of this.#silencesMs) {
      const master = masters.get(recordName(name));
      if (master === undefined) continue;
      if (this.#settled.get(recordName(name)) === master.aliveAt) continue;
      const silentAt = master.aliveAt + silenceMs;
      if (now >= silentAt) silent = true;
      else nextAt = Math.min(nextAt, silentAt);
    }
    return { silent, nextAt };
  }

  /** Who is silent now has no address any more: nothing is to be done until it shows life again. */
  settle(): void {
    this.#settled = new Map([...this.#reader.read()].map(([name, { aliveAt }]) => [name, aliveAt]));
  }

  close(): void {
    this.#reader.close();
  }
}
