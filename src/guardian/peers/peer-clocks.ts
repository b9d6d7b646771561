/**
 * The clocks of the other nodes, as they said when they were asked: their UTC less our time since boot, which nobody sets.
 * Pure; times in ms.
 */

import type { Moment } from '../../core/moment.ts';

export class PeerClocks {
  /** By the node's name. */
  readonly #utcLessBoot = new Map<string, number>();

  /** `bootMs`: when the answer came. Returns what a peer's clock is ahead of that. */
  learn(node: string, peerUtcMs: number, bootMs: number): number {
    const utcLessBootMs = peerUtcMs - bootMs;
    this.#utcLessBoot.set(node, utcLessBootMs);
    return utcLessBootMs;
  }

  /** Now, with UTC as that node has it; our own where it never answered. */
  momentOf(node: string, now: Moment): Moment {
    const utcLessBootMs = this.#utcLessBoot.get(node);
    return utcLessBootMs === undefined ? now : { ...now, utcMs: utcLessBootMs + now.bootMs };
  }

  get known(): Iterable<readonly [string, number]> {
    return this.#utcLessBoot;
  }
}
