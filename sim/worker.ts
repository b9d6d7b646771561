/** A thread of `npm run sim`: runs the scenarios of its seeds and tells how far it is, until ended. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../src/core/assert.ts';
import { addCounts, noCounts, type RuleCounts } from './rules.ts';
import { type Outcome, runScenario } from './scenario.ts';

export type WorkerInput = {
  readonly firstSeed: number;
  /** From one seed to the next: as many as there are threads. */
  readonly stride: number;
};

/** Since the last message. */
export type Progress = {
  readonly faults: number;
  readonly scenarios: number;
  readonly simulatedMs: number;
  readonly applied: RuleCounts;
  readonly failures: readonly Outcome[];
};

const SCENARIOS_PER_MESSAGE = 20;
const SEEDS = 2 ** 32;

function run({ firstSeed, stride }: WorkerInput): void {
  assert(parentPort !== null, 'this is a worker thread');
  // Each seed once, at most.
  for (let first = 0; first < SEEDS; first += SCENARIOS_PER_MESSAGE * stride) {
    let faults = 0;
    let simulatedMs = 0;
    const applied = noCounts();
    const failures: Outcome[] = [];
    for (let index = 0; index < SCENARIOS_PER_MESSAGE; index += 1) {
      const seed = (firstSeed + first + index * stride) % SEEDS;
      const outcome = runScenario(seed);
      faults += outcome.faults;
      simulatedMs += outcome.simulatedMs;
      addCounts(applied, outcome.applied);
      if (outcome.violation !== null) failures.push(outcome);
    }
    const scenarios = SCENARIOS_PER_MESSAGE;
    const progress: Progress = { faults, scenarios, simulatedMs, applied, failures };
    parentPort.postMessage(progress);
  }
}

run(workerData);
