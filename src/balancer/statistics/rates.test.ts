import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rates } from './rates.ts';

test('Rates tells the last second, the busiest one, and when it last grew', () => {
  const rates = new Rates();
  const look = (total: number, now: number) => rates.look(new Map([['a', total]]), now);
  look(0, 1000);
  assert.deepEqual(rates.get('a'), { current: 0, max: 0, lastGrowthMs: null });
  look(30, 2000);
  look(40, 3000);
  assert.deepEqual(rates.get('a'), { current: 10, max: 30, lastGrowthMs: 3000 });
  look(40, 5000);
  assert.deepEqual(rates.get('a'), { current: 0, max: 30, lastGrowthMs: 3000 });
  assert.equal(rates.get('b').current, 0);
});

test('Rates spreads a late look over its time', () => {
  const rates = new Rates();
  rates.look(new Map([['a', 0]]), 0);
  rates.look(new Map([['a', 100]]), 2000);
  assert.equal(rates.get('a').current, 50);
});
