import assert from 'node:assert/strict';
import test from 'node:test';
import { WireWatch } from './wire-watch.ts';

const PEER = 0x0a630002;
const STRANGER = 0x0a630009;

test('WireWatch names peers that were never heard, once there was time to', () => {
  const watch = new WireWatch([PEER, 0x0a630003]);
  assert.deepEqual(watch.warnings(300, 0), []);
  assert.deepEqual(watch.warnings(300, 600), []);
  watch.onHeard(0x0a630003, 100, { now: 600, soonMs: 200 });
  watch.onHeard(STRANGER, 100, { now: 600, soonMs: 200 });
  assert.deepEqual(watch.warnings(300, 601), [
    'no advertisement was ever seen from peer 10.99.0.2; it is well if 10.99.0.2 was never master',
  ]);
  watch.onHeard(PEER, 100, { now: 601, soonMs: 200 });
  assert.deepEqual(watch.warnings(300, 700), []);
});

test('WireWatch counts strangers and claims, and forgets them when they are gone', () => {
  const watch = new WireWatch([]);
  watch.onStranger(STRANGER, 'is a stranger', 0);
  watch.onStranger(STRANGER, 'is a stranger', 1000);
  watch.onClaim(0x0a630064, '02:00:00:00:00:01', 30_000);
  assert.deepEqual(watch.warnings(300, 40_000), [
    '10.99.0.9 is a stranger (2 times)',
    '02:00:00:00:00:01 claims 10.99.0.100, which is held here (1 times)',
  ]);
  assert.equal(watch.warnings(300, 61_001).length, 1);
  assert.equal(watch.warnings(300, 90_001).length, 0);
});

test('WireWatch names who says that it leaves and does not, once it is heard again soon', () => {
  const watch = new WireWatch([PEER]);
  watch.onHeard(PEER, 0, { now: 0, soonMs: 200 });
  watch.onHeard(PEER, 100, { now: 201, soonMs: 200 });
  watch.onHeard(PEER, 100, { now: 202, soonMs: 200 });
  assert.deepEqual(watch.warnings(300, 202), [], 'it was away, and came back');
  watch.onHeard(PEER, 0, { now: 300, soonMs: 200 });
  watch.onHeard(STRANGER, 100, { now: 400, soonMs: 200 });
  assert.deepEqual(watch.warnings(300, 400), [], 'another is heard');
  watch.onHeard(PEER, 100, { now: 500, soonMs: 200 });
  const [text, ...rest] = watch.warnings(300, 500);
  assert.match(
    text ?? '',
    /^10\.99\.0\.2 advertises on after it said that it leaves .*\(1 times\)$/,
  );
  assert.deepEqual(rest, []);
});

test('WireWatch remembers a bounded number of strangers', () => {
  const watch = new WireWatch([]);
  for (let source = 0; source < 1000; source += 1) watch.onStranger(source, 'is a stranger', 0);
  assert.equal(watch.warnings(300, 0).length, 16);
});
