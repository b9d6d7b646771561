import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rates } from './rates.ts';

test('Rates tells the last second, the busiest one, and when it last grew', () => {
  const rates = new Rates();
  const update = (total: number, now: number) => rates.update(new Map([['a', total]]), now);
  update(0, 1000);
  assert.deepEqual(rates.get('a'), { current: 0, max: 0, lastGrowthMs: null });
  update(30, 2000);
  update(40, 3000);
  assert.deepEqual(rates.get('a'), { current: 10, max: 30, lastGrowthMs: 3000 });
  update(40, 5000);
  assert.deepEqual(rates.get('a'), { current: 0, max: 30, lastGrowthMs: 3000 });
  assert.equal(rates.get('b').current, 0);
});

test('Rates spreads a late look over its time', () => {
  const rates = new Rates();
  rates.update(new Map([['a', 0]]), 0);
  rates.update(new Map([['a', 100]]), 2000);
  assert.equal(rates.get('a').current, 50);
});
