/**
 * `balance source` with `hash-type consistent`: servers own points on a circle, and a client goes to the
 * next point after its own. A server that goes away hands over only its own clients, to all the others.
 * The points lie elsewhere than HAProxy's, so that the two send a client to different servers.
 */

import type { Candidate, PickContext, Picker } from './picker.ts';

/** Points of the heaviest server: shares are then even to about a tenth. */
const POINTS_MAX = 160;

/** `heaviest`: the largest configured weight, which stays when servers come and go. */
export function createConsistentPicker(candidates: readonly Candidate[], heaviest: number): Picker {
  const points = candidates.flatMap(({ server, weight }) => {
    const count = Math.max(1, Math.round((POINTS_MAX * weight) / heaviest));
    return Array.from({ length: count }, (_, index) => ({
      place: scatter((server << 16) ^ index),
      server,
    }));
  });
  points.sort((a, b) => a.place - b.place || a.server - b.server);
  const places = Uint32Array.from(points, ({ place }) => place);
  const servers = Int32Array.from(points, ({ server }) => server);
  return { pick: (context) => firstAfter(places, servers, context) };
}

function firstAfter(places: Uint32Array, servers: Int32Array, context: PickContext): number {
  const own = scatter(context.sourceHash);
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 0) < own) low = middle + 1;
    else high = middle;
  }
  for (let step = 0; step < places.length; step++) {
    const server = servers[(low + step) % places.length] ?? -1;
    if (!context.excluded(server)) return server;
  }
  return -1;
}

/** Spreads neighbouring numbers over all 32 bits (finalizer of MurmurHash3, public domain). */
function scatter(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
