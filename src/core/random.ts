/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded by splitmix32. The same seed gives
 * the same numbers on every machine; not for secrets.
 */

import { assert } from './assert.ts';

export class Random {
  readonly #words: Uint32Array;

  /** Four words, not all zero. Most callers want seededRandom(). */
  constructor(words: readonly [number, number, number, number]) {
    this.#words = Uint32Array.from(words);
    assert(
      this.#words.some((word) => word !== 0),
      'a random state is not all zero',
    );
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    const words = this.#words;
    const [a = 0, b = 0, c = 0, d = 0] = words;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const mixedC = c ^ a;
    const mixedD = d ^ b;
    words[0] = a ^ mixedD;
    words[1] = b ^ mixedC;
    words[2] = mixedC ^ (b << 9);
    words[3] = rotateLeft(mixedD, 11);
    return result;
  }

  /** 0 up to, but without, 1. */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** `low` up to, but without, `high`. */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** True with this probability; draws nothing when the answer is certain. */
  chance(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.fraction() < probability);
  }

  /** One of the items, of which there is at least one. */
  pick<Item>(items: readonly Item[]): Item {
    assert(items.length > 0, 'there is something to pick from');
    return items[this.below(items.length)] as Item;
  }
}

/** Seeds with a whole number from 0 to 2^32 - 1; neighbouring seeds have nothing in common. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return new Random([next(), next(), next(), next()]);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
