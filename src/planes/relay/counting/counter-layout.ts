/**
 * Where the counters of the catalogue lie in a relay's memory. Each relay thread owns one Float64Array over
 * shared memory, laid out by this module, and is its only writer; readers put the relays together and never
 * stop one. A "...Max" is what its relay saw of the sum at its own changes, so readers take the largest.
 */

import type { BalancerConfig } from '../../../config/model/config.ts';
import { BACKEND, FRONTEND, PLANE, SERVER } from '../../../stats/catalogue.ts';
import { namesOf } from '../../../stats/counts.ts';

/** A counter lies at its block's offset and its name's place here. */
export const PLANE_COUNTERS = namesOf(PLANE);
export const FRONTEND_COUNTERS = namesOf(FRONTEND);
export const BACKEND_COUNTERS = namesOf(BACKEND);
export const SERVER_COUNTERS = namesOf(SERVER);

/** Offsets, in Float64 elements, of each block. */
export type CounterLayout = {
  readonly plane: number;
  /** By the frontend's index in the configuration. */
  readonly frontends: readonly number[];
  readonly backends: readonly number[];
  /** By backend index, then server index. */
  readonly servers: readonly (readonly number[])[];
  /** Elements of the whole array. */
  readonly length: number;
};

export function counterLayout(
  config: Pick<BalancerConfig, 'frontends' | 'backends'>,
): CounterLayout {
  let next = 0;
  const take = (size: number): number => {
    const offset = next;
    next += size;
    return offset;
  };
  const plane = take(PLANE_COUNTERS.length);
  const frontends = config.frontends.map(() => take(FRONTEND_COUNTERS.length));
  const backends = config.backends.map(() => take(BACKEND_COUNTERS.length));
  const servers = config.backends.map((backend) =>
    backend.servers.map(() => take(SERVER_COUNTERS.length)),
  );
  return { plane, frontends, backends, servers, length: next };
}
