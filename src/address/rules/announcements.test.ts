import assert from 'node:assert/strict';
import test from 'node:test';
import { Announcements } from './announcements.ts';

test('Announcements go out one by one, each a pause after the last', () => {
  const announcements = new Announcements(10);
  assert.equal(announcements.nextAt, Number.POSITIVE_INFINITY);
  assert.equal(announcements.take(0), null);
  announcements.add([1, 2], 2);
  const sent: (readonly [at: number, address: unknown])[] = [];
  for (let now = 100; now < 150; now += 4) {
    const address = announcements.take(now);
    if (address !== null) sent.push([now, address]);
  }
  assert.deepEqual(sent, [
    [100, 1],
    [112, 2],
    [124, 1],
    [136, 2],
  ]);
  announcements.add([3], 1);
  assert.equal(announcements.nextAt, 146);
  assert.equal(announcements.take(145), null);
  announcements.clear();
  assert.equal(announcements.take(1000), null);
});

test('Announcements that wait are bounded', () => {
  const announcements = new Announcements(1);
  const addresses = Array.from({ length: 255 }, (_, index) => index);
  announcements.add(addresses, 100);
  announcements.add(addresses, 100);
  let taken = 0;
  for (let now = 0; now < 60_000; now += 1) if (announcements.take(now) !== null) taken += 1;
  assert.equal(taken, 25_500);
});

test('Announcements are not spread without a pace', () => {
  assert.throws(() => new Announcements(0), /have a pace/);
});
