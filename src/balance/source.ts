/**
 * `balance source`: the client's address decides, through HAProxy's map and without avalanche (hash-type
 * map-based), or by consistent.ts. A server that may not be chosen hands over to the next one in the map.
 */

import type { Algorithm, HashType } from './algorithm.ts';
import { createConsistentPicker } from './consistent.ts';
import type { Candidate, PickContext, Picker } from './picker.ts';
import { buildServerMap } from './server-map.ts';

/** Without `hash` it is map-based. */
export const SOURCE: Algorithm<{ readonly kind: 'source'; readonly hash?: HashType }> = {
  plain: { kind: 'source' },
  withHash: (hash) => ({ kind: 'source', hash }),
  // A circle of points takes any weight, a map of places those it was made for.
  isStatic: ({ hash }) => hash !== 'consistent',
  keepsServer: true,
  sharesRoom: false,
  createPicker: ({ hash }, candidates, { divisor, heaviest }) =>
    hash === 'consistent'
      ? createConsistentPicker(candidates, heaviest)
      : createSourcePicker(candidates, divisor),
};

function createSourcePicker(candidates: readonly Candidate[], divisor: number): Picker {
  const map = buildServerMap(candidates, divisor);
  return { pick: (context) => firstFrom(map, context.sourceHash % map.length, context) };
}

/** The first place at or after `start`, going round once, whose server may be chosen; -1: none. */
export function firstFrom(map: Int32Array, start: number, context: PickContext): number {
  for (let step = 0; step < map.length; step++) {
    const server = map[(start + step) % map.length] ?? -1;
    if (!context.excluded(server)) return server;
  }
  return -1;
}

/**
 * HAProxy's hash of an address in wire form (4 or 16 bytes from `offset`): the XOR of its big-endian
 * 32-bit words, unsigned.
 */
export function sourceHash(address: Uint8Array, offset: number, length: number): number {
  let hash = 0;
  for (let at = offset; at < offset + length; at += 4) {
    hash ^=
      ((address[at] ?? 0) << 24) |
      ((address[at + 1] ?? 0) << 16) |
      ((address[at + 2] ?? 0) << 8) |
      (address[at + 3] ?? 0);
  }
  return hash >>> 0;
}
