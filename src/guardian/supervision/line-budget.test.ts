import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spendLine, startLineBudget } from './line-budget.ts';

test('a balancer may say much at once, and a hundred lines a second for ever', () => {
  let budget = startLineBudget(0);
  const admitted = (lines: number, now: number): number => {
    let count = 0;
    for (let line = 0; line < lines; line += 1) {
      const step = spendLine(budget, now);
      budget = step.budget;
      if (step.admitted) count += 1;
    }
    return count;
  };
  assert.equal(admitted(5000, 0), 1000);
  assert.equal(budget.lost, 4000);
  assert.equal(admitted(500, 1000), 100);
  assert.equal(budget.lost, 400, 'counted anew since one was admitted');
  assert.equal(admitted(1, 1020), 1);
  assert.equal(budget.lost, 0);
  assert.equal(admitted(5000, 1_000_000), 1000, 'it saves no more than that up');
});
