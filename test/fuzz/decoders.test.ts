/** A share of what `node test/fuzz/run.ts` does. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECODERS } from './decoders.ts';
import { fuzzDecoder } from './fuzz-decoder.ts';

const INPUTS = 10_000;

for (const decoder of DECODERS) {
  test(`${decoder.name} takes whatever bytes come`, () => {
    fuzzDecoder(decoder, { inputs: INPUTS, seed: 2026 });
  });
}

test('a decoder that fails is told of with its input', () => {
  const decode = (bytes: Buffer): boolean => {
    assert.ok(bytes.length < 3);
    return true;
  };
  const decoder = { name: 'weak', seeds: [Uint8Array.of(1, 2)], decode };
  assert.throws(
    () => fuzzDecoder(decoder, { inputs: 1000, seed: 1 }),
    /^Error: weak, seed 1, input \d+: [0-9a-f]{6,}$/,
  );
});
