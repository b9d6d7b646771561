import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from './counters.ts';

test('Counters lower nothing that was not counted here, whatever the other relays have', () => {
  const [own, other] = [Float64Array.of(1), Float64Array.of(5)];
  const counters = new Counters([own, other], own);
  counters.lower(0);
  assert.equal(counters.sum(0), 5);
  assert.throws(() => counters.lower(0), /was counted when it began/);
  assert.equal(counters.get(0), 0);
});
