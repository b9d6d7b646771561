/** The figures of a run: progress, failures with the command that replays them, the sum. */

import { addCounts, noCounts, RULES } from './rules.ts';
import type { Outcome } from './scenario.ts';
import type { Progress } from './worker.ts';

const PROGRESS_EVERY_MS = 5000;

/** Adds up what the threads tell, and says when they may end. */
export class Tally {
  readonly #wanted: number;
  readonly #write: (text: string) => void;
  readonly #startedAt = performance.now();
  #printedAt = this.#startedAt;
  #faults = 0;
  #scenarios = 0;
  #simulatedMs = 0;
  readonly #applied = noCounts();
  failed = false;

  constructor(wanted: number, write: (text: string) => void) {
    this.#wanted = wanted;
    this.#write = write;
  }

  get isDone(): boolean {
    return this.failed || this.#faults >= this.#wanted;
  }

  add({ faults, scenarios, simulatedMs, applied, failures }: Progress): void {
    this.#faults += faults;
    this.#scenarios += scenarios;
    this.#simulatedMs += simulatedMs;
    addCounts(this.#applied, applied);
    for (const outcome of failures) {
      this.failed = true;
      this.#write(`\n${describe(outcome)}\n`);
      this.#write(`Replay it: npm run sim -- --replay ${outcome.seed}\n`);
    }
    const now = performance.now();
    if (now - this.#printedAt < PROGRESS_EVERY_MS) return;
    this.#printedAt = now;
    this.#write(`${this.#figures()}\n`);
  }

  finish(): void {
    this.#write('\nrule                                  applied\n');
    for (const rule of RULES) {
      this.#write(`${rule.padEnd(35)}${`${this.#applied[rule]}`.padStart(10)}\n`);
    }
    const verdict = this.failed ? 'FAILED' : 'Every rule held';
    this.#write(`\n${verdict}: ${this.#figures()}\n`);
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

/** One scenario in a sentence. */
export function describe({ seed, faults, simulatedMs, violation }: Outcome): string {
  if (violation === null) {
    return `Scenario ${seed}: every rule held over ${faults} faults in ${simulatedMs.toFixed(0)} ms`;
  }
  const { rule, text, at } = violation;
  return `Scenario ${seed} broke "${rule}" at ${at.toFixed(3)} ms: ${text}`;
}
