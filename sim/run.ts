/**
 * `npm run sim`: many scenarios, one thread per processor, until the wanted number of faults is reached or
 * a rule is broken. Exit code 0: every rule held.
 *
 * usage: node sim/run.ts [--faults N] [--seed S] [--threads N]
 *        node sim/run.ts --replay SEED     prints what happens in one scenario
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Outcome, runScenario } from './scenario.ts';
import type { Progress, WorkerInput } from './worker.ts';

const FAULTS = 1_000_000;
const THREADS_MAX = 64;
const SEEDS = 2 ** 32;
const PROGRESS_EVERY_MS = 5000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      faults: { type: 'string' },
      seed: { type: 'string' },
      threads: { type: 'string' },
      replay: { type: 'string' },
    },
  });
  if (values.replay !== undefined) {
    replay(number('--replay', values.replay, SEEDS - 1));
    return;
  }
  const clockSeed = Date.now() % SEEDS;
  await runAll({
    faults: number('--faults', values.faults ?? `${FAULTS}`, Number.MAX_SAFE_INTEGER),
    seed: number('--seed', values.seed ?? `${clockSeed}`, SEEDS - 1),
    threads: number('--threads', values.threads ?? `${availableParallelism()}`, THREADS_MAX),
  });
}

function number(option: string, text: string, largest: number): number {
  if (/^\d+$/.test(text) && Number(text) <= largest) return Number(text);
  process.stderr.write(`${option} takes a whole number up to ${largest}, not "${text}"\n`);
  process.exit(2);
}

function replay(seed: number): void {
  const outcome = runScenario(seed, { trace: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(`\n${describe(outcome)}\n`);
  process.exitCode = outcome.violation === null ? 0 : 1;
}

function describe({ seed, faults, simulatedMs, violation }: Outcome): string {
  if (violation === null) {
    return `Scenario ${seed}: every rule held over ${faults} faults in ${simulatedMs.toFixed(0)} ms`;
  }
  const { rule, text, at } = violation;
  return `Scenario ${seed} broke "${rule}" at ${at.toFixed(3)} ms: ${text}`;
}

type Plan = { readonly faults: number; readonly seed: number; readonly threads: number };

/** Adds up what the threads tell, and says when they may end. */
class Tally {
  readonly #wanted: number;
  readonly #startedAt = performance.now();
  #printedAt = this.#startedAt;
  #faults = 0;
  #scenarios = 0;
  #simulatedMs = 0;
  failed = false;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  get isDone(): boolean {
    return this.failed || this.#faults >= this.#wanted;
  }

  add({ faults, scenarios, simulatedMs, failures }: Progress): void {
    this.#faults += faults;
    this.#scenarios += scenarios;
    this.#simulatedMs += simulatedMs;
    for (const outcome of failures) {
      this.failed = true;
      process.stdout.write(`\n${describe(outcome)}\n`);
      process.stdout.write(`Replay it: npm run sim -- --replay ${outcome.seed}\n`);
    }
    const now = performance.now();
    if (now - this.#printedAt < PROGRESS_EVERY_MS) return;
    this.#printedAt = now;
    process.stdout.write(`${this.#figures()}\n`);
  }

  finish(): void {
    const verdict = this.failed ? 'FAILED' : 'Every rule held';
    process.stdout.write(`\n${verdict}: ${this.#figures()}\n`);
    process.exitCode = this.failed ? 1 : 0;
  }

  #figures(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const hours = this.#simulatedMs / 3_600_000;
    return (
      `${this.#faults} faults, ${this.#scenarios} scenarios, ${hours.toFixed(1)} simulated hours, ` +
      `${seconds.toFixed(1)} s, ${(this.#faults / seconds).toFixed(0)} faults/s`
    );
  }
}

async function runAll({ faults, seed, threads }: Plan): Promise<void> {
  process.stdout.write(`At least ${faults} faults from seed ${seed} on, ${threads} threads\n`);
  const tally = new Tally(faults);
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
}

await main();
