/** Has one decoder decode many mutated inputs. */

import assert from 'node:assert/strict';
import { seededRandom } from '../../src/core/random.ts';
import { mutatedBytes } from './mutate-bytes.ts';

export type Decoder = {
  readonly name: string;
  /** Good ones. */
  readonly seeds: readonly Uint8Array[];
  /** Decodes, asserts what must hold of what comes out, and says whether anything did. */
  readonly decode: (bytes: Buffer) => boolean;
};

/** How many of the inputs were believed. Throws with the input, and the seed of the run, when one breaks the decoder. */
export function fuzzDecoder(
  { name, seeds, decode }: Decoder,
  { inputs, seed }: { readonly inputs: number; readonly seed: number },
): number {
  const random = seededRandom(seed);
  const believable = seeds.filter((bytes) => decode(Buffer.from(bytes)));
  assert.ok(believable.length > 0, `${name} believes one of its seeds`);
  let believed = 0;
  for (let count = 0; count < inputs; count += 1) {
    const bytes = mutatedBytes(random, seeds);
    try {
      if (decode(bytes)) believed += 1;
    } catch (error) {
      const input = `${name}, seed ${seed}, input ${count}: ${bytes.toString('hex')}`;
      throw new Error(input, { cause: error });
    }
  }
  return believed;
}
