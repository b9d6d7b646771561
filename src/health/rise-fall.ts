/**
 * The rise/fall machine of one checked server, with HAProxy's arithmetic: one counter, 0..rise+fall-1, where
 * `rise` and above is up.
 *
 * A server starts up with the counter at `rise`, so its very first failed check takes it down; afterwards it
 * takes `fall` failures in a row, because every pass while up refills the counter. A restarted balancer goes
 * on from the counter its predecessor reported.
 */

import { assert } from '../core/assert.ts';
import type { CheckState } from './server-state.ts';

export type RiseFall = { readonly rise: number; readonly fall: number };

export type HealthStep = {
  readonly health: number;
  readonly transition: 'went-up' | 'went-down' | 'none';
};

/** Counter of a server nothing is known about yet. */
export function initialHealth({ rise }: RiseFall): number {
  return rise;
}

/** Largest value of the counter. */
export function fullHealth({ rise, fall }: RiseFall): number {
  return rise + fall - 1;
}

/** A reported counter, brought into the range of a configuration that may have changed since. */
export function restoredHealth(limits: RiseFall, health: number): number {
  if (!Number.isInteger(health)) return initialHealth(limits);
  return Math.min(fullHealth(limits), Math.max(0, health));
}

/** The counter after one more check. */
export function stepHealth(limits: RiseFall, health: number, passed: boolean): HealthStep {
  assert(limits.rise >= 1 && limits.fall >= 1, 'rise and fall are at least 1');
  assert(health >= 0 && health <= fullHealth(limits), 'health is within its range');
  const wasUp = health >= limits.rise;
  if (passed) {
    const next = health + 1;
    if (next < limits.rise) return { health: next, transition: 'none' };
    return { health: fullHealth(limits), transition: wasUp ? 'none' : 'went-up' };
  }
  if (health > limits.rise) return { health: health - 1, transition: 'none' };
  return { health: 0, transition: wasUp ? 'went-down' : 'none' };
}

export function checkState(limits: RiseFall, health: number): Exclude<CheckState, 'unchecked'> {
  if (health >= fullHealth(limits)) return 'up';
  if (health >= limits.rise) return 'going-down';
  return health === 0 ? 'down' : 'going-up';
}
