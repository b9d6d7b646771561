import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkIntervalMs,
  firstCheckDelayMs,
  hintStartsCheck,
  nextCheckDelayMs,
} from './schedule.ts';

const check = {
  intervalMs: 2000,
  fastIntervalMs: 1000,
  downIntervalMs: 5000,
  rise: 2,
  fall: 2,
};

test('checkIntervalMs() chooses inter, fastinter or downinter by health', () => {
  assert.deepEqual(
    [3, 2, 1, 0].map((health) => checkIntervalMs(check, health)),
    [2000, 1000, 1000, 5000],
  );
});

test('nextCheckDelayMs() counts from start to start and is never negative', () => {
  assert.equal(nextCheckDelayMs(check, 3, 300), 1700);
  assert.equal(nextCheckDelayMs(check, 3, 2500), 0);
});

test('firstCheckDelayMs() spreads over half a second at most', () => {
  assert.equal(firstCheckDelayMs(check, 0), 0);
  assert.equal(firstCheckDelayMs(check, 0.999), 499);
  assert.equal(firstCheckDelayMs({ ...check, fastIntervalMs: 100 }, 0.5), 50);
});

test('hintStartsCheck() is bounded to one check in 100 ms', () => {
  assert.equal(hintStartsCheck(99), false);
  assert.equal(hintStartsCheck(100), true);
});
