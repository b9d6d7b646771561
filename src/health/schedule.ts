/** When a server's next check is due (HAProxy: inter, fastinter, downinter; management guide "check"). */

import type { CheckSchedule } from '../config/model/checks.ts';
import { fullHealth } from './rise-fall.ts';

/** A start does not wait longer than this for the first word about a server. */
const FIRST_CHECK_WITHIN_MS = 500;

/** A refused connection asks for a check at once, but not more often than this. */
const HINT_INTERVAL_MS = 100;

type Intervals = Pick<
  CheckSchedule,
  'intervalMs' | 'fastIntervalMs' | 'downIntervalMs' | 'rise' | 'fall'
>;

/** Start to start: full health waits `inter`, down for good `downinter`, on the way `fastinter`. */
export function checkIntervalMs(check: Intervals, health: number): number {
  if (health === fullHealth(check)) return check.intervalMs;
  return health === 0 ? check.downIntervalMs : check.fastIntervalMs;
}

/** Delay until the next check starts, given how long ago the last one started. */
export function nextCheckDelayMs(check: Intervals, health: number, sinceStartMs: number): number {
  return Math.max(0, checkIntervalMs(check, health) - sinceStartMs);
}

/** Delay of the first check; `random` in 0..1 keeps checks of many servers apart. */
export function firstCheckDelayMs(check: Intervals, random: number): number {
  return Math.floor(Math.min(check.fastIntervalMs, FIRST_CHECK_WITHIN_MS) * random);
}

/**
 * Whether traffic that failed to connect brings the next check forward. Such a failure is a hint, never a
 * verdict: one refused connection must not take a healthy server out, and a real failure is confirmed by the
 * check a moment later. `sinceStartMs` is the age of the last check's start.
 */
export function hintStartsCheck(sinceStartMs: number): boolean {
  return sinceStartMs >= HINT_INTERVAL_MS;
}
