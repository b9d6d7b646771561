import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchTally } from './watch-tally.ts';

test('WatchTally counts what is cut since the mark, and the longest silence that lasts into it', () => {
  const tally = new WatchTally(0);
  const [one, other] = [tally.add(), tally.add()];
  tally.hear(one, 0, 100);
  tally.hear(one, 1, 1000);
  tally.hear(other, 1, 1000);
  tally.close(other);
  tally.mark(1500);
  assert.deepEqual(tally.report(1600).sinceMark, { broken: 0, longestSilenceMs: 100 });
  assert.equal(tally.report(1600).silentMs, 100);
  tally.hear(one, 1, 2000);
  tally.close(one);
  tally.close(one);
  tally.hear(other, 1, 4000);
  tally.hear(other, 1, 4100);
  const { kept, open, events, broken, sinceMark } = tally.report(4200);
  assert.deepEqual([kept, open, events, broken], [2, 1, 5, 2]);
  assert.deepEqual(sinceMark, { broken: 1, longestSilenceMs: 2500 });
});

test('a watch that was never heard is silent since the mark', () => {
  const tally = new WatchTally(0);
  tally.add();
  tally.mark(1000);
  assert.equal(tally.report(1700).sinceMark.longestSilenceMs, 700);
});
