/** A share of `npm run sim`, and that a seed replays what it did. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { runScenario } from './scenario.ts';

const SCENARIOS = 150;
const FIRST_SEED = 1000;

function traceOf(seed: number): readonly string[] {
  const lines: string[] = [];
  runScenario(seed, { trace: (line) => lines.push(line) });
  return lines;
}

test('every rule holds over some thousand faults', () => {
  let faults = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCENARIOS; seed += 1) {
    const outcome = runScenario(seed);
    assert.equal(outcome.violation, null, `replay it: npm run sim -- --replay ${seed}`);
    faults += outcome.faults;
  }
  assert.ok(faults > 5000, `${faults} faults`);
});

test('a seed does the same each time, and another something else', () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const trace = traceOf(seed);
    assert.ok(trace.length > 100);
    assert.deepEqual(traceOf(seed), trace);
    assert.notDeepEqual(traceOf(seed + 1), trace);
  }
});

test('a trace changes nothing', () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const traced = runScenario(seed, { trace: () => undefined });
    assert.deepEqual(runScenario(seed), traced);
  }
});
