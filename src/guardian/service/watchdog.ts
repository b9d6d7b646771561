/**
 * When the service manager's watchdog is fed: only when each of the guardian's loops has turned since the last time.
 * A timer of its own would tell that timers work, and nothing of what a node is for.
 */

/** "supervision": the loop that watches the balancer. "election": that of VRRP, as the guardian hears of it. */
export type GuardianLoop = 'supervision' | 'election';

/** One that is slow once must not be the end. */
const FEEDS_IN_INTERVAL = 4;

export class Watchdog {
  readonly #pauseMs: number;
  readonly #loops: ReadonlySet<GuardianLoop>;
  readonly #turned = new Set<GuardianLoop>();
  #fedAt = Number.NEGATIVE_INFINITY;

  /** `intervalMs`: within which it must be fed. `loops`: those that must turn; without any it is never fed. */
  constructor(intervalMs: number, loops: readonly GuardianLoop[]) {
    this.#pauseMs = intervalMs / FEEDS_IN_INTERVAL;
    this.#loops = new Set(loops);
  }

  /** A loop has turned. True: feed it now. `now`: ms of a clock that is never set. */
  turned(loop: GuardianLoop, now: number): boolean {
    if (!this.#loops.has(loop)) return false;
    this.#turned.add(loop);
    if (this.#turned.size < this.#loops.size || now - this.#fedAt < this.#pauseMs) return false;
    this.#turned.clear();
    this.#fedAt = now;
    return true;
  }
}
