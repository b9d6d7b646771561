/**
 * How many lines a balancer may have logged for it: as many as a whole cluster that goes down has to say, at
 * once, and then so many a second. Pure; times are monotonic ms.
 */

const LINES_MAX = 1000;
const LINES_PER_SECOND = 100;

export type LineBudget = { readonly left: number; readonly at: number; readonly lost: number };

export function startLineBudget(now: number): LineBudget {
  return { left: LINES_MAX, at: now, lost: 0 };
}

/** `lost` counts those left out since one was admitted; it begins anew with the next that is. */
export function spendLine(
  budget: LineBudget,
  now: number,
): { readonly budget: LineBudget; readonly admitted: boolean } {
  const grown = budget.left + ((now - budget.at) * LINES_PER_SECOND) / 1000;
  const left = Math.min(LINES_MAX, grown);
  if (left < 1) return { budget: { left, at: now, lost: budget.lost + 1 }, admitted: false };
  return { budget: { left: left - 1, at: now, lost: 0 }, admitted: true };
}
