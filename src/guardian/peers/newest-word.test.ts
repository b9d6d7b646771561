import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NewestWord } from './newest-word.ts';

const TOLERANCE_MS = 30_000;
const NOW = 1_790_000_000_000;

function words(now = NOW) {
  const newest = new NewestWord();
  return (sentAtMs: number, from = 'a', utcMs: number | null = now) =>
    newest.take(from, sentAtMs, { utcMs, toleranceMs: TOLERANCE_MS });
}

test('the last word of each sender counts, and those before it no more', () => {
  const take = words();
  assert.equal(take(NOW - 2), 'new');
  assert.equal(take(NOW - 2), 'again');
  assert.equal(take(NOW - 1), 'new');
  assert.equal(take(NOW - 2), 'old');
  assert.equal(take(NOW - 2, 'b'), 'new');
});

test('what is far from the sender’s time does not count, nor takes the place of what did', () => {
  const take = words();
  assert.equal(take(NOW + TOLERANCE_MS + 1), 'far');
  assert.equal(take(NOW - TOLERANCE_MS - 1), 'far');
  assert.equal(take(NOW + TOLERANCE_MS), 'new');
  // Without a key nobody knows the sender's time.
  assert.equal(take(5, 'b', null), 'new');
});

test('a clock that was set back begins anew', () => {
  const take = words();
  assert.equal(take(NOW), 'new');
  const back = NOW - 3_600_000;
  assert.equal(take(back, 'a', back), 'new');
  assert.equal(take(back - 1, 'a', back), 'old');
});

test('a bounded number of senders is remembered: the one that was silent for longest is forgotten', () => {
  const take = words();
  for (let sender = 0; sender < 256; sender += 1) take(NOW - 9, `${sender}`);
  take(NOW - 8, '0');
  take(NOW, 'one more');
  assert.equal(take(NOW - 9, '0'), 'old');
  assert.equal(take(NOW - 10, '1'), 'new');
});
