import assert from 'node:assert/strict';
import test from 'node:test';
import { effectivePriority, newScriptState, stepScript, verdictOf } from './tracking.ts';

test('stepScript() counts the first result at once, then rise and fall', () => {
  const config = { rise: 2, fall: 3 };
  let state = stepScript(newScriptState(), config, false);
  assert.equal(state.passing, false);
  const results: [passed: boolean, passing: boolean][] = [
    [true, false],
    [false, false],
    [true, false],
    [true, true],
    [false, true],
    [false, true],
    [true, true],
    [false, true],
    [false, true],
    [false, false],
  ];
  for (const [passed, passing] of results) {
    state = stepScript(state, config, passed);
    assert.equal(state.passing, passing);
  }
});

test('verdictOf() adds weights and names faults as keepalived does', () => {
  const entry = (weight: number, passing: boolean | null) => ({ name: 'chk', weight, passing });
  assert.deepEqual(verdictOf([], null), { priorityDelta: 0, faults: [] });
  assert.equal(verdictOf([entry(2, true)], null).priorityDelta, 2);
  assert.equal(verdictOf([entry(2, false)], null).priorityDelta, 0);
  assert.equal(verdictOf([entry(2, null)], null).priorityDelta, 0);
  assert.equal(verdictOf([entry(-20, false)], null).priorityDelta, -20);
  assert.equal(verdictOf([entry(-20, null)], null).priorityDelta, 0);
  assert.deepEqual(verdictOf([entry(0, true)], null).faults, []);
  assert.deepEqual(verdictOf([entry(0, false)], null).faults, ['script "chk" fails']);
  assert.deepEqual(verdictOf([entry(0, null)], null).faults, ['script "chk" has no result yet']);
  assert.equal(verdictOf([entry(2, true), entry(3, true)], null).priorityDelta, 5);
  assert.deepEqual(verdictOf([], { weight: 0, serving: false }).faults, [
    'the balancer does not serve',
  ]);
  assert.equal(verdictOf([], { weight: -30, serving: false }).priorityDelta, -30);
  assert.equal(verdictOf([entry(2, true)], { weight: 5, serving: true }).priorityDelta, 7);
});

test('effectivePriority() stays within 1..254 and leaves 255 alone', () => {
  assert.equal(effectivePriority(100, 2), 102);
  assert.equal(effectivePriority(250, 20), 254);
  assert.equal(effectivePriority(10, -20), 1);
  assert.equal(effectivePriority(255, -20), 255);
});
