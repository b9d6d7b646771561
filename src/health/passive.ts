/**
 * Passive health: what failed connects of traffic mean for a server (HAProxy: `observe layer4`,
 * `error-limit`, `on-error`).
 */

import type { PassiveHealthConfig } from '../config/model/checks.ts';
import type { CheckResult } from './server-state.ts';

export type PassiveStep = {
  /** Failed connects in a row, 0 again after a verdict. */
  readonly errors: number;
  /** To be recorded like a check's, starting from `health`; null: no verdict. */
  readonly verdict: { readonly result: CheckResult; readonly health: number } | null;
};

/** One more failed connect after `errors` in a row, at a counter of `health`. */
export function stepPassive(
  passive: PassiveHealthConfig,
  rise: number,
  health: number,
  errors: number,
): PassiveStep {
  const count = errors + 1;
  if (count < passive.errorLimit) return { errors: count, verdict: null };
  // A server that is down already cannot fall further.
  if (passive.onError === 'fastinter' || health < rise) return { errors: 0, verdict: null };
  const info = `Detected ${count} consecutive errors, last one was: L4 unsuccessful connection`;
  const result: CheckResult = { status: 'HANA', passed: false, info, durationMs: 0 };
  return { errors: 0, verdict: { result, health: startOf(passive.onError, rise, health) } };
}

/** The counter the failed check counts down from. */
function startOf(
  onError: Exclude<PassiveHealthConfig['onError'], 'fastinter'>,
  rise: number,
  health: number,
): number {
  if (onError === 'mark-down') return rise;
  if (onError === 'sudden-death') return Math.min(health, rise + 1);
  return health;
}
