/**
 * When an address that somebody took away is put back: at once, as keepalived does, but ever later where it goes
 * again and again, so that nobody fights a network manager that is at work. Pure; times in milliseconds.
 */

/** Removals that count together. */
const WINDOW_MS = 30_000;
const FIRST_PAUSE_MS = 100;
/** More within the window: whoever removes it wants it gone. */
export const REMOVALS_MAX = 5;

export class PutBack {
  readonly #removals: number[] = [];
  #dueAt = Number.POSITIVE_INFINITY;

  /** When what is missing is to be put back; Infinity: nothing is. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** An address is missing at `now`; while its return is due later, that is no news. False: too often. */
  onMissing(now: number): boolean {
    if (this.#dueAt !== Number.POSITIVE_INFINITY) return true;
    const recent = this.#removals.filter((at) => now - at < WINDOW_MS);
    this.#removals.splice(0, this.#removals.length, ...recent, now);
    const count = this.#removals.length;
    if (count > REMOVALS_MAX) {
      this.#removals.length = 0;
      return false;
    }
    this.#dueAt = count === 1 ? now : now + FIRST_PAUSE_MS * 2 ** (count - 2);
    return true;
  }

  /** It was put back, or need not be. */
  settle(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
  }
}
