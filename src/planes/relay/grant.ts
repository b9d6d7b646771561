/** What the relays' half in the guardian gives to their half in a balancer. */

import type { PlaneGrant } from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import { LOOPS_MAX } from '../../core/beats.ts';

export type RelayGrant = {
  /** How many there are to be. */
  readonly relays: number;
  /** The beat page (core/beats.ts). */
  readonly beatFd: number;
};

export function readGrant({ relays, beatFd }: PlaneGrant): RelayGrant {
  assert(typeof relays === 'number' && typeof beatFd === 'number', 'the grant is one of relays');
  assert(Number.isInteger(relays), 'relays are whole');
  assert(relays >= 1 && relays <= LOOPS_MAX, 'the number of relays is within the beat page');
  return { relays, beatFd };
}
