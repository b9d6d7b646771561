import assert from 'node:assert/strict';
import test from 'node:test';
import { PutBack, REMOVALS_MAX } from './put-back.ts';

test('an address is put back at once, then ever later, and not for ever', () => {
  const putBack = new PutBack();
  const pauses: number[] = [];
  let now = 1000;
  for (let count = 0; count < REMOVALS_MAX; count += 1) {
    now += 1;
    assert.equal(putBack.onMissing(now), true);
    pauses.push(putBack.dueAt - now);
    now = putBack.dueAt;
    putBack.settle();
  }
  assert.deepEqual(pauses, [0, 100, 200, 400, 800]);
  assert.equal(putBack.onMissing(now + 1), false);
  assert.equal(putBack.onMissing(now + 2), true, 'a new start');
});

test('what is missing still is no further removal', () => {
  const putBack = new PutBack();
  putBack.onMissing(0);
  putBack.settle();
  putBack.onMissing(10);
  assert.equal(putBack.dueAt, 110);
  for (let now = 20; now < 110; now += 1) assert.equal(putBack.onMissing(now), true);
  assert.equal(putBack.dueAt, 110);
});

test('removals by hand that lie apart are each put back at once', () => {
  const putBack = new PutBack();
  for (let now = 0; now < 400_000; now += 30_000) {
    putBack.onMissing(now);
    assert.equal(putBack.dueAt, now);
    putBack.settle();
  }
});
