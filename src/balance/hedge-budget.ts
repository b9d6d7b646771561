/**
 * How many second servers may be asked. When servers are slow because there is too much to do, a hedge is
 * more of it, so hedges are at most a tenth of the new connections of the last second. A few are always
 * allowed: with little traffic a tenth of it would leave clients to a server that hangs.
 */

/** ms. */
export const HEDGE_WINDOW_MS = 1000;
/** Hedges for each new connection within the window, at most. */
export const HEDGE_SHARE = 1 / 10;
/** Hedges within the window that are allowed however few connections there are. */
export const HEDGE_FLOOR = 10;

const SLICE_MS = 50;
const SLICES = HEDGE_WINDOW_MS / SLICE_MS;

/**
 * Of one backend in one relay. Times are of one clock that does not run backwards, in ms. The window is
 * kept in slices of 50 ms: a connection may stop counting by as much too early, a hedge too late.
 */
export class HedgeBudget {
  /** By slice, around: the one that is filled now and all of the window. */
  readonly #connections = new Float64Array(SLICES + 1);
  readonly #hedges = new Float64Array(SLICES + 1);
  /** Number of the newest slice since the clock's zero. */
  #slice = 0;
  #connectionsSum = 0;
  #hedgesSum = 0;

  /** A client has come. */
  came(now: number): void {
    this.#slide(now);
    this.#add(this.#connections);
    this.#connectionsSum += 1;
  }

  /** Whether one more server may be asked. */
  allows(now: number): boolean {
    this.#slide(now);
    const oldest = this.#connections[(this.#slice + 1) % (SLICES + 1)] ?? 0;
    const share = (this.#connectionsSum - oldest) * HEDGE_SHARE;
    return this.#hedgesSum + 1 <= Math.max(HEDGE_FLOOR, share);
  }

  /** One more was asked. */
  sent(now: number): void {
    this.#slide(now);
    this.#add(this.#hedges);
    this.#hedgesSum += 1;
  }

  #add(counts: Float64Array): void {
    const index = this.#slice % (SLICES + 1);
    counts[index] = (counts[index] ?? 0) + 1;
  }

  /** Forgets slices that lie behind the window. */
  #slide(now: number): void {
    const slice = Math.floor(now / SLICE_MS);
    const steps = Math.min(slice - this.#slice, SLICES + 1);
    for (let step = 1; step <= steps; step++) {
      const index = (slice - steps + step) % (SLICES + 1);
      this.#connectionsSum -= this.#connections[index] ?? 0;
      this.#hedgesSum -= this.#hedges[index] ?? 0;
      this.#connections[index] = 0;
      this.#hedges[index] = 0;
    }
    if (steps > 0) this.#slice = slice;
  }
}
