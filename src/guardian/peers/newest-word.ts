/**
 * Of messages that change nothing twice and make those before them worthless, such as what a node knows or has: which count.
 * Near their sender's time, and none that is older than the last of that sender, so that a recorded one is worth nothing
 * once it has spoken again. Orders count each: replay-guard.ts. Pure; times in ms.
 */

/** Remembered; a cluster has far fewer nodes. */
const SENDERS_MAX = 256;

/** What a message is held against. */
export type Freshness = {
  /** What time it is at the sender, UTC; null: whenever it was sent (the nodes share no key). */
  readonly utcMs: number | null;
  readonly toleranceMs: number;
};

/** "again": sent at the very time of the last one, or that one itself. "far": it may be new by a clock that we do not know. */
export type Word = 'new' | 'again' | 'old' | 'far';

export class NewestWord {
  /** Those that spoke last come last. */
  readonly #sentAtMs = new Map<string, number>();

  /** Only of a message whose signature is right, or that comes from where it says. */
  take(from: string, sentAtMs: number, { utcMs, toleranceMs }: Freshness): Word {
    if (utcMs !== null && Math.abs(sentAtMs - utcMs) > toleranceMs) return 'far';
    const last = this.#sentAtMs.get(from) ?? Number.NEGATIVE_INFINITY;
    if (sentAtMs === last) return 'again';
    // A clock that was set back begins anew.
    if (sentAtMs < last && last - sentAtMs < 2 * toleranceMs) return 'old';
    this.#sentAtMs.delete(from);
    this.#sentAtMs.set(from, sentAtMs);
    for (const longest of this.#sentAtMs.keys()) {
      if (this.#sentAtMs.size <= SENDERS_MAX) break;
      this.#sentAtMs.delete(longest);
    }
    return 'new';
  }
}
