/**
 * Where the counters of the catalogue lie in a relay's memory. Each relay thread owns one Float64Array over
 * shared memory, laid out by this module, and is its only writer; readers put the relays together and never
 * stop one. A "...Max" is what its relay saw of the sum at its own changes, so readers take the largest.
 */

import type { BalancerConfig } from '../config/model/config.ts';
import { assert } from '../core/assert.ts';
import { BACKEND, type CounterTable, FRONTEND, PLANE, SERVER } from './catalogue.ts';
import { fold, namesOf } from './counts.ts';

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

/** Reads one counter over all relays, put together as the catalogue says. */
export function readCounter(
  relays: readonly Float64Array[],
  block: number,
  table: CounterTable,
  name: string,
): number {
  const row = table[name];
  const index = namesOf(table).indexOf(name);
  assert(row !== undefined, `counter ${name} exists`);
  return fold(
    row,
    relays.map((counters) => counters[block + index] ?? 0),
  );
}
