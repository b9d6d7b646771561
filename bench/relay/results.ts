/**
 * bench/results/relay.json: what was measured, with the machine and the versions. A run of one part
 * replaces that part's rows and keeps the others, as long as machine and versions are the same.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname } from 'node:path';
import type { Comparison } from './rounds.ts';

export type Row = {
  /** The part of the bench that measured it. */
  readonly part: string;
  readonly measure: string;
  readonly unit: string;
  /** What was special; empty: nothing. */
  readonly setting: string;
  /** Whom it is compared with; empty: nobody. */
  readonly peer: string;
  readonly ours: number;
} & Partial<Comparison>;

export type Results = {
  readonly kernel: string;
  readonly processor: string;
  readonly processors: number;
  readonly versions: Readonly<Record<string, string>>;
  /** By part: when, how many rounds, and the machine's load of the last minute at its end. */
  readonly runs: Readonly<Record<string, Run>>;
  readonly rows: readonly Row[];
};

export type Run = { readonly date: string; readonly rounds: number; readonly load: number };

export function runNow(rounds: number): Run {
  return { date: new Date().toISOString(), rounds, load: Number(loadavg()[0]?.toFixed(2)) };
}

export function saveResults(
  file: string,
  versions: Results['versions'],
  runs: Results['runs'],
  rows: readonly Row[],
): Results {
  const machine = {
    kernel: release(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    versions,
  };
  const earlier = readResults(file);
  const { runs: earlierRuns = {}, rows: earlierRows = [], ...setting } = earlier ?? {};
  const same = JSON.stringify(setting) === JSON.stringify(machine);
  const kept = same ? earlierRows.filter(({ part }) => runs[part] === undefined) : [];
  const results = {
    ...machine,
    runs: same ? { ...earlierRuns, ...runs } : runs,
    rows: [...rows, ...kept].toSorted((one, other) => order(one) - order(other)),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`);
  return results;
}

export const PARTS = ['cost', 'threads', 'growth', 'memory', 'idle'] as const;
export type Part = (typeof PARTS)[number];

function order({ part }: Row): number {
  return PARTS.indexOf(part as Part);
}

function readResults(file: string): Results | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch {
    // None yet: the first run writes it.
    return null;
  }
}

/** Four digits say all that a shared machine knows. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}
