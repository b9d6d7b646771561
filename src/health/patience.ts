/**
 * How long a server's check is waited for before it counts as failed: by what its last checks took, so that one that
 * hangs is found in a fraction of a check's whole time, and one that is only busy is not. Three times as long as the third slowest
 * of some seconds: it takes three checks in a row to be down, so that one or two that were slow by chance say nothing, and
 * a queue, whose waits have a long tail, has three beyond that once in days (patience.test.ts), if nobody hears it meanwhile.
 *
 * Only a server that is up is hurried. One that is down has all of the check's time, and what it takes then is learned,
 * so that one that has become slow for good comes back with the patience that it needs. Pure; times in ms.
 */

/** Checks that are remembered: 8 s of four a second. */
const REMEMBERED = 32;
/** Before so many have passed nothing is known. */
const KNOWN_MIN = 8;
/** The slowest that count for nothing. */
const CHANCES = 2;
const TIMES = 3;
/**
 * ms; three checks in a row, the interval before the first and what lies between fit into 1.5 s. A handshake and an answer
 * of an apiserver that has all processors busy take less: 15 to 200 ms were seen.
 */
export const PATIENCE_MS_MIN = 350;

/** Of one server's checks. */
export class Patience {
  /** What they took, the newest last. */
  readonly #taken: number[] = [];

  /** A check has passed after so long. */
  learn(spentMs: number): void {
    this.#taken.push(spentMs);
    if (this.#taken.length > REMEMBERED) this.#taken.shift();
  }

  /** ms; null: too little is known yet, so it has all of its time. */
  get ms(): number | null {
    if (this.#taken.length < KNOWN_MIN) return null;
    const slow = this.#taken.toSorted((one, other) => other - one)[CHANCES] ?? 0;
    return Math.max(PATIENCE_MS_MIN, TIMES * slow);
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
