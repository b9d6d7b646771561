/**
 * The clocks of others, as they said when they were asked: their UTC less our time since boot, which nobody sets, so that
 * theirs go on by ours. Pure; times in ms.
 */

import type { Moment } from './moment.ts';

/** Remembered; a cluster has far fewer nodes, and a virtual router senders. */
const OTHERS_MAX = 256;

export class OtherClocks<Key> {
  readonly #utcLessBoot = new Map<Key, number>();

  /** `utcLessBootMs`: its UTC less our time since boot, at one instant. At most OTHERS_MAX are remembered. */
  learn(other: Key, utcLessBootMs: number): void {
    if (this.#utcLessBoot.size >= OTHERS_MAX && !this.#utcLessBoot.has(other)) return;
    this.#utcLessBoot.set(other, utcLessBootMs);
  }

  /** Now, with UTC as that one has it; ours where it was never asked. */
  momentOf(other: Key, now: Moment): Moment {
    const utcLessBootMs = this.#utcLessBoot.get(other);
    return utcLessBootMs === undefined ? now : { ...now, utcMs: utcLessBootMs + now.bootMs };
  }

  get known(): Iterable<readonly [Key, number]> {
    return this.#utcLessBoot;
  }
}
