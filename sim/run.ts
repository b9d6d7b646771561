/**
 * `npm run sim`: many scenarios, one thread per processor, until the wanted number of faults is reached or
 * a rule is broken. Exit code 0: every rule held.
 *
 * usage: node sim/run.ts [--faults N] [--seed S] [--threads N]
 *        node sim/run.ts --replay SEED     prints what happens in one scenario
 *        node sim/run.ts --hours N [--seed S]   clusters that grow old, at a realistic pace
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { growOld } from './grow-old.ts';
import { runScenario } from './scenario.ts';
import { describe, Tally } from './tally.ts';
import type { Progress, WorkerInput } from './worker.ts';

const FAULTS = 1_000_000;
/** A year. */
const HOURS_MAX = 8760;
const THREADS_MAX = 64;
const SEEDS = 2 ** 32;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      faults: { type: 'string' },
      seed: { type: 'string' },
      threads: { type: 'string' },
      replay: { type: 'string' },
      hours: { type: 'string' },
    },
  });
  if (values.replay !== undefined) {
    replay(number('--replay', values.replay, 0, SEEDS - 1));
    return;
  }
  const clockSeed = Date.now() % SEEDS;
  const seed = number('--seed', values.seed ?? `${clockSeed}`, 0, SEEDS - 1);
  if (values.hours !== undefined) {
    const held = growOld(number('--hours', values.hours, 1, HOURS_MAX), seed);
    process.exitCode = held ? 0 : 1;
    return;
  }
  await runAll({
    faults: number('--faults', values.faults ?? `${FAULTS}`, 1, Number.MAX_SAFE_INTEGER),
    seed,
    threads: number('--threads', values.threads ?? `${availableParallelism()}`, 1, THREADS_MAX),
  });
}

function number(option: string, text: string, smallest: number, largest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= smallest && value <= largest) return value;
  const range = `from ${smallest} to ${largest}`;
  process.stderr.write(`${option} takes a whole number ${range}, not "${text}"\n`);
  process.exit(2);
}

function replay(seed: number): void {
  const outcome = runScenario(seed, { trace: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(`\n${describe(outcome)}\n`);
  process.exitCode = outcome.violation === null ? 0 : 1;
}

type Plan = { readonly faults: number; readonly seed: number; readonly threads: number };

async function runAll({ faults, seed, threads }: Plan): Promise<void> {
  process.stdout.write(`At least ${faults} faults from seed ${seed} on, ${threads} threads\n`);
  const write = (text: string) => void process.stdout.write(text);
  const tally = new Tally(faults, write);
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: WorkerInput = { firstSeed: (seed + thread) % SEEDS, stride: threads };
    return new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  });
  const endAll = () => {
    for (const worker of workers) void worker.terminate();
  };
  for (const worker of workers) {
    worker.on('message', (progress: Progress) => {
      // What arrives after the end does not count, so that the figures belong together.
      if (tally.isDone) return;
      tally.add(progress);
      if (tally.isDone) endAll();
    });
    worker.on('error', (error) => {
      tally.failed = true;
      process.stdout.write(`\n${error instanceof Error ? error.stack : String(error)}\n`);
      endAll();
    });
  }
  await Promise.all(workers.map((worker) => new Promise((done) => worker.once('exit', done))));
  tally.finish();
  process.exitCode = tally.failed ? 1 : 0;
}

await main();
