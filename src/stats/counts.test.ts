import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FRONTEND, SERVER } from './catalogue.ts';
import { foldCounts, noCounts, shownValue, statusCounts } from './counts.ts';

describe('shownValue()', () => {
  const counts = { ...noCounts(SERVER), sessionsTotal: 4, connectTimeTotalMs: 10, bytesIn: 7 };

  it('is the counter itself, or the average over another', () => {
    assert.equal(shownValue(SERVER, 'bytesIn', counts, 0), 7);
    assert.equal(shownValue(SERVER, 'connectTimeTotalMs', counts, 0), 2.5);
    assert.equal(shownValue(SERVER, 'connectTimeTotalMs', noCounts(SERVER), 0), 0);
  });

  it('is how long ago a moment was, in whole seconds, -1 for never', () => {
    const since = (lastSessionMs: number, now: number) =>
      shownValue(SERVER, 'lastSessionMs', { ...counts, lastSessionMs }, now);
    assert.equal(since(0, 5000), -1);
    assert.equal(since(1100, 5000), 3);
    assert.equal(since(5001, 5000), 0, 'a relay is ahead');
  });
});

describe('foldCounts()', () => {
  it('adds servers up, and takes the largest of maxima and moments', () => {
    const one = { ...noCounts(SERVER), retries: 1, connectTimeMaxMs: 8, lastSessionMs: 3 };
    const other = { ...noCounts(SERVER), retries: 2, connectTimeMaxMs: 5, lastSessionMs: 4 };
    const { retries, connectTimeMaxMs, lastSessionMs } = foldCounts(SERVER, [one, other]);
    assert.deepEqual([retries, connectTimeMaxMs, lastSessionMs], [3, 8, 4]);
    assert.deepEqual(foldCounts(SERVER, []), noCounts(SERVER));
  });
});

describe('statusCounts()', () => {
  it('has those that status tells, and no other', () => {
    const told = statusCounts(FRONTEND, (name) => name.length);
    assert.equal(told.bytesIn, 7);
    assert.equal('badGreetings' in told, false);
  });
});
