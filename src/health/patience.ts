/**
 * How long a server's check is waited for before it counts as failed: by what its checks usually take, so that one that
 * hangs is found in a fraction of a check's whole time, and one that is only busy is not. Reckoned as TCP does its
 * retransmission timeout (RFC 6298 section 2): a moving average, and some of the mean deviation from it.
 *
 * Only a server that is up is hurried. One that is down has all of the check's time, and what it takes then is learned,
 * so that one that has become slow for good comes back with the patience that it needs. Pure; times in ms.
 */

/** Weights of the newest in the average, and in the deviation where that is to grow (RFC 6298). */
const USUAL_WEIGHT = 1 / 8;
const GROWTH_WEIGHT = 1 / 4;
/** Where it shrinks: a few quick answers of a busy server promise nothing. At four checks a second that is 16 s. */
const DECAY_WEIGHT = 1 / 64;
const DEVIATIONS = 6;
/**
 * ms; three checks in a row, the interval before the first and what lies between fit into 1.5 s. A handshake and an answer
 * of an apiserver that has all processors busy take less: 15 to 200 ms were seen.
 */
export const PATIENCE_MS_MIN = 350;

/** Of one server's checks. */
export class Patience {
  #usualMs: number | null = null;
  #deviationMs = 0;

  /** A check has passed after so long. */
  learn(spentMs: number): void {
    if (this.#usualMs === null) {
      this.#usualMs = spentMs;
      this.#deviationMs = spentMs / 2;
      return;
    }
    const off = spentMs - this.#usualMs;
    const change = Math.abs(off) - this.#deviationMs;
    this.#deviationMs += change * (change > 0 ? GROWTH_WEIGHT : DECAY_WEIGHT);
    this.#usualMs += off * USUAL_WEIGHT;
  }

  /** ms; null: nothing is known yet, so it has all of its time. */
  get ms(): number | null {
    if (this.#usualMs === null) return null;
    return Math.max(PATIENCE_MS_MIN, this.#usualMs + DEVIATIONS * this.#deviationMs);
  }
}

/** What is seen when a check has waited for as long as it is usually worth it. */
export type Overdue = {
  /** The server has sent something to somebody since the check, or the last look, began: it does not hang. */
  readonly heard: boolean;
  /** How much later than it was meant to be this look is, ms: what we had no time for proves nothing. */
  readonly lateMs: number;
};

/** A look that comes so much later, as a share of the patience, says more of this machine than of the server. */
const LATE_SHARE = 1 / 4;

/** Whether to go on waiting. */
export function waitsOn({ heard, lateMs }: Overdue, patienceMs: number): boolean {
  return heard || lateMs > patienceMs * LATE_SHARE;
}
