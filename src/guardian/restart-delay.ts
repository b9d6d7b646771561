/** When a reaper or a checker that has ended is followed by another. Pure. */

/** One that lived so long was well. */
const STEADY_MS = 10_000;

const DELAY_MS = 100;
const DELAY_MS_MAX = 5000;

export type RestartDelay = {
  /** Of those before, those in a row that did not live long. */
  readonly shortLived: number;
  readonly delayMs: number;
};

/**
 * At once, because nobody does its work meanwhile; but one that ends again and again must not keep
 * the guardian busy. `shortLived`: of before; `livedMs`: the one that has ended.
 */
export function restartDelay(shortLived: number, livedMs: number): RestartDelay {
  if (livedMs >= STEADY_MS || shortLived === 0) return { shortLived: 1, delayMs: 0 };
  const delayMs = Math.min(DELAY_MS * 2 ** (shortLived - 1), DELAY_MS_MAX);
  return { shortLived: shortLived + 1, delayMs };
}
