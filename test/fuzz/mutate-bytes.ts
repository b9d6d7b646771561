/** Bytes that are near to good ones: what random bytes never get to look at lies behind the first checks. */

import type { Random } from '../../src/core/random.ts';

/** Where lengths, counts and signs have their edges. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 0x0a, 0x0d, 0x20, 0x7f, 0x80, 0xfe, 0xff] as const;
const CHANGES_MAX = 6;
const BYTES_MAX = 4096;
const GROWTH_MAX = 64;

/** One of the seeds with a few changes, or, seldom, bytes of pure chance. */
export function mutatedBytes(random: Random, seeds: readonly Uint8Array[]): Buffer {
  if (random.chance(0.02)) return randomBytes(random, random.below(200));
  let bytes: Buffer = Buffer.from(random.pick(seeds));
  const changes = random.below(CHANGES_MAX);
  for (let count = 0; count < changes; count += 1) {
    bytes = change(random, bytes, random.pick(seeds)).subarray(0, BYTES_MAX);
  }
  return bytes;
}

function change(random: Random, bytes: Buffer, other: Uint8Array): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(9)) {
    case 0:
      return set(bytes, at, random.below(256));
    case 1:
      return set(bytes, at, random.pick(EDGES));
    case 2:
      return set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
    case 3:
      return set(bytes, at, ((bytes[at] ?? 0) + random.pick([-1, 1])) & 0xff);
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([
        bytes.subarray(0, at),
        randomBytes(random, random.below(GROWTH_MAX)),
        bytes.subarray(at),
      ]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(8))]);
    case 7:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
    default:
      return Buffer.concat([bytes, bytes.subarray(at)]);
  }
}

function set(bytes: Buffer, at: number, value: number): Buffer {
  if (at >= bytes.length) return Buffer.concat([bytes, Uint8Array.of(value)]);
  bytes[at] = value;
  return bytes;
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => random.below(256)));
}
