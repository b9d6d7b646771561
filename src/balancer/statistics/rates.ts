/**
 * Sessions per second, from the growth of counters between two looks a second apart, and the moment a counter
 * last grew. The relays only count; what a second is, is decided here.
 */

export type Rate = {
  /** Of the last second, rounded. */
  readonly current: number;
  /** Of the busiest second so far. */
  readonly max: number;
  /** Clock of the last look that saw growth, ms; null: never. */
  readonly lastGrowthMs: number | null;
};

const NONE: Rate = { current: 0, max: 0, lastGrowthMs: null };

/** Looks are made this often. */
export const RATE_INTERVAL_MS = 1000;

export class Rates {
  readonly #known = new Map<string, { total: number; rate: Rate }>();
  #lookedAt: number | null = null;

  /** Takes the totals in; `now` is monotonic, in ms. */
  update(totals: ReadonlyMap<string, number>, now: number): void {
    const elapsedMs = this.#lookedAt === null ? RATE_INTERVAL_MS : now - this.#lookedAt;
    this.#lookedAt = now;
    for (const [key, total] of totals) {
      const before = this.#known.get(key);
      // A sum is less when a part of it went with its configuration.
      const grown = Math.max(0, total - (before?.total ?? 0));
      // A look that comes late saw more than a second's worth.
      const current = elapsedMs <= 0 ? grown : Math.round((grown * 1000) / elapsedMs);
      const max = Math.max(before?.rate.max ?? 0, current);
      const lastGrowthMs = grown > 0 ? now : (before?.rate.lastGrowthMs ?? null);
      this.#known.set(key, { total, rate: { current, max, lastGrowthMs } });
    }
  }

  forgetPeaks(): void {
    for (const known of this.#known.values()) known.rate = { ...known.rate, max: 0 };
  }

  get(key: string): Rate {
    return this.#known.get(key)?.rate ?? NONE;
  }
}

export function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
