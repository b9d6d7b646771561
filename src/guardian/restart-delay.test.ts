import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restartDelay } from './restart-delay.ts';

/** The delays after reapers that lived so long, one after the other. */
function delays(...livedMs: readonly number[]): readonly number[] {
  let shortLived = 0;
  return livedMs.map((lived) => {
    const next = restartDelay(shortLived, lived);
    shortLived = next.shortLived;
    return next.delayMs;
  });
}

test('a reaper is followed by another at once, one that ends again and again ever later', () => {
  assert.deepEqual(delays(60_000), [0]);
  assert.deepEqual(delays(5, 5, 5, 5), [0, 100, 200, 400]);
  assert.deepEqual(delays(...Array(2000).fill(5)).slice(-2), [5000, 5000]);
  assert.deepEqual(delays(5, 5, 10_000, 5), [0, 100, 0, 100], 'one that was well');
});
