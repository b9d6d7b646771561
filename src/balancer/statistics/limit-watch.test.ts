import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LimitWatch } from './limit-watch.ts';

test('a limit that comes near is told of once, and again after it was far', () => {
  const watch = new LimitWatch();
  const look = (current: number, limit = 10) =>
    watch.warnings([{ name: 'A', current, limit }]).length;
  const course = [7, 8, 9, 10, 7, 8, 6, 8].map((current) => look(current));
  assert.deepEqual(course, [0, 1, 0, 0, 0, 0, 0, 1]);
  assert.equal(look(1000, 0), 0, 'without a limit');
  assert.deepEqual(new LimitWatch().warnings([{ name: 'Frontend "a"', current: 8, limit: 9 }]), [
    'Frontend "a" has 8 of 9 connections (88%); at the limit new clients wait: raise it',
  ]);
});
