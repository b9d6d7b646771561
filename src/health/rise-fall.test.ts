import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkState, fullHealth, initialHealth, restoredHealth, stepHealth } from './rise-fall.ts';

const limits = { rise: 2, fall: 3 };

function run(start: number, results: string): { states: string[]; health: number } {
  let health = start;
  const states: string[] = [];
  for (const letter of results) {
    const step = stepHealth(limits, health, letter === '+');
    health = step.health;
    states.push(step.transition === 'none' ? checkState(limits, health) : step.transition);
  }
  return { states, health };
}

test('the first failed check takes a new server down', () => {
  assert.deepEqual(run(initialHealth(limits), '-').states, ['went-down']);
});

test('afterwards it takes `fall` failures in a row', () => {
  const { states, health } = run(initialHealth(limits), '+--+---');
  assert.deepEqual(states, [
    'up',
    'going-down',
    'going-down',
    'up',
    'going-down',
    'going-down',
    'went-down',
  ]);
  assert.equal(health, 0);
});

test('it takes `rise` passes in a row to come back, and then the counter is full', () => {
  const { states, health } = run(0, '+-++');
  assert.deepEqual(states, ['going-up', 'down', 'going-up', 'went-up']);
  assert.equal(health, 4);
});

test('restoredHealth() brings any reported counter into range', () => {
  assert.equal(restoredHealth(limits, 99), 4);
  assert.equal(restoredHealth(limits, -1), 0);
  assert.equal(restoredHealth(limits, Number.NaN), 2);
});

test('property: the counter keeps its range, and only a run of results changes the verdict', () => {
  const limitsOf = fc.record({
    rise: fc.integer({ min: 1, max: 5 }),
    fall: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(limitsOf, fc.array(fc.boolean(), { maxLength: 60 }), (limits, results) => {
      let health = fullHealth(limits);
      let inRow = 0;
      let last: boolean | null = null;
      for (const passed of results) {
        inRow = passed === last ? inRow + 1 : 1;
        last = passed;
        const step = stepHealth(limits, health, passed);
        if (step.transition === 'went-down') assert.equal(inRow, limits.fall);
        if (step.transition === 'went-up') assert.equal(inRow, limits.rise);
        health = step.health;
        assert.ok(health >= 0 && health <= fullHealth(limits));
      }
    }),
  );
});
