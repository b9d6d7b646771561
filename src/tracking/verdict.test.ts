import assert from 'node:assert/strict';
import test from 'node:test';
import { newScriptState, stepScript, type TrackedEntry, verdictOf } from './verdict.ts';

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
  const entry = (weight: number, passing: boolean | null): TrackedEntry => ({
    kind: 'script',
    name: 'chk',
    weight,
    passing,
  });
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
  assert.deepEqual(verdictOf([], { weight: 0, serving: null }).faults, [
    'the balancer does not serve yet',
  ]);
  assert.equal(verdictOf([], { weight: -30, serving: false }).priorityDelta, -30);
  assert.equal(verdictOf([], { weight: -30, serving: null }).priorityDelta, -30);
  assert.equal(verdictOf([entry(2, true)], { weight: 5, serving: true }).priorityDelta, 7);
});

test('verdictOf() multiplies the number in a file, and says what is wrong with other things', () => {
  const file = (weight: number, value: number | null): TrackedEntry => ({
    kind: 'file',
    name: 'load',
    weight,
    value,
  });
  assert.deepEqual(verdictOf([file(-2, 10)], null), { priorityDelta: -20, faults: [] });
  assert.deepEqual(verdictOf([file(1, null)], null), { priorityDelta: 0, faults: [] });
  assert.deepEqual(verdictOf([file(1, -253)], null), { priorityDelta: -253, faults: [] });
  assert.deepEqual(verdictOf([file(1, -254)], null), {
    priorityDelta: 0,
    faults: ['file "load" holds -254'],
  });
  assert.deepEqual(verdictOf([file(0, 0)], null).faults, []);
  assert.deepEqual(verdictOf([file(0, 3)], null).faults, ['file "load" holds 3']);
  assert.deepEqual(verdictOf([file(0, null)], null).faults, ['file "load" has not been read yet']);
  const other = (kind: 'process' | 'interface', passing: boolean | null): TrackedEntry => ({
    kind,
    name: 'x',
    weight: 0,
    passing,
  });
  assert.deepEqual(
    verdictOf([other('process', false), other('process', null), other('interface', false)], null)
      .faults,
    [
      'process "x" does not run',
      'process "x" has not been looked for yet',
      'interface "x" is down',
    ],
  );
  assert.deepEqual(verdictOf([{ ...other('interface', true), weight: 5 }], null), {
    priorityDelta: 5,
    faults: [],
  });
});
