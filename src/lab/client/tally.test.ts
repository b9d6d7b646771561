/** The client's figures, on times given by hand. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_REQUESTS } from './messages.ts';
import { Tally } from './tally.ts';

const NO_WATCHES = NO_REQUESTS.watches;

test('report() has no gap before the first answer, then the longest one', () => {
  const tally = new Tally(0);
  tally.fail('ECONNREFUSED', 490, 500);
  assert.equal(tally.report(1000, NO_WATCHES).longestGapMs, 0);
  tally.succeed('a', 1000);
  tally.succeed('a', 1400);
  tally.succeed('b', 1420);
  const report = tally.report(1430, NO_WATCHES);
  assert.equal(report.longestGapMs, 400);
  assert.deepEqual(report.nodes, { a: 2, b: 1 });
  assert.deepEqual(report.failures, { ECONNREFUSED: 1 });
});

test('report() counts a gap that still lasts', () => {
  const tally = new Tally(0);
  tally.succeed('a', 10);
  assert.equal(tally.report(3010, NO_WATCHES).longestGapMs, 3000);
});

test('mark() starts the figures of a fault afresh and leaves the sums', () => {
  const tally = new Tally(0);
  tally.succeed('a', 10);
  tally.succeed('a', 900);
  tally.mark(1000);
  tally.fail('timeout', 1010, 1310);
  tally.fail('ECONNREFUSED', 1290, 1300);
  tally.succeed('b', 1350);
  const report = tally.report(1360, NO_WATCHES);
  assert.deepEqual(report.sinceMark, {
    ok: 1,
    failed: 2,
    longestGapMs: 350,
    lastFailureMs: 300,
    lastFailedStartMs: 290,
  });
  assert.equal(report.ok, 3);
  assert.equal(report.longestGapMs, 890);
});

test('fail() keeps a bounded number of reasons apart', () => {
  const tally = new Tally(0);
  for (let index = 0; index < 100; index++) tally.fail(`reason ${index}`, index, index);
  const { failures } = tally.report(100, NO_WATCHES);
  assert.equal(Object.keys(failures).length, 33);
  const { other } = failures;
  assert.equal(other, 68);
});
