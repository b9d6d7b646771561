/**
 * bench/failover: what clients notice when something breaks, on the article's network, for the article's
 * stack (real HAProxy and keepalived), an expert's and Evergate's. docs/failover.md says what is measured.
 *
 *   node bench/failover/run.ts [--runs N] [--only FAULT,...] [--stacks STACK,...] [--smoke | --show]
 *
 * Prints tables and writes what it measured into bench/results/failover.json, where other faults and
 * stacks keep their rows. --smoke proves in less than a minute that everything runs, and draws no
 * conclusion; --show prints the tables of what is there.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabError } from '../../src/lab/lab-error.ts';
import { startCluster } from '../../src/lab/start-cluster.ts';
import { ARTICLE } from '../../src/lab/topology.ts';
import { FAULTS, type Fault } from './faults.ts';
import {
  type Bench,
  measure,
  RUN_BOUND_MS,
  type Run,
  WATCH_SILENCE_MS,
  WATCHES,
} from './measure.ts';
import { OwnerWatch } from './owner-watch.ts';
import { tablesOf } from './page.ts';
import { dated, RESULTS, readResults, type SavedRow, saveRows, thisSetting } from './results.ts';
import { makeStack, STACK_TITLES, type Stack, type StackName } from './stacks.ts';
import { type Row, runText } from './table.ts';

const STACK_NAMES = Object.keys(STACK_TITLES) as readonly StackName[];
const REQUEST_INTERVAL_MS = 10;
const PATIENCE_MS = 300;
/** A cluster that does not become quiet is built anew so many times per stack. */
const REBUILDS_MAX = 3;
const SMOKE_STACK: StackName = 'evergate';
const SMOKE_FAULTS = ['balancer-kill', 'apiserver-kill'];

type Settings = {
  readonly runs: number;
  readonly faults: readonly Fault[];
  readonly stacks: readonly StackName[];
  readonly smoke: boolean;
  readonly show: boolean;
};

function settings(): Settings {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      only: { type: 'string' },
      stacks: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      show: { type: 'boolean', default: false },
    },
  });
  const { smoke, show } = values;
  const faultNames = FAULTS.map(({ name }) => name);
  const wantedFaults =
    chosen('--only', values.only, faultNames) ?? (smoke ? SMOKE_FAULTS : faultNames);
  const runs = smoke ? 1 : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) {
    throw new LabError(`"--runs ${values.runs}" is not a number from 1 to 100`);
  }
  return {
    runs,
    faults: FAULTS.filter(({ name }) => wantedFaults.includes(name)),
    stacks: chosen('--stacks', values.stacks, STACK_NAMES) ?? (smoke ? [SMOKE_STACK] : STACK_NAMES),
    smoke,
    show,
  };
}

function chosen<Name extends string>(
  option: string,
  text: string | undefined,
  known: readonly Name[],
): readonly Name[] | null {
  if (text === undefined) return null;
  const names = text.split(',');
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) {
    throw new LabError(`"${option}" knows no "${unknown}"; it knows ${known.join(', ')}`);
  }
  return known.filter((name) => names.includes(name));
}

const interrupt = new AbortController();

async function main(): Promise<void> {
  const wanted = settings();
  if (wanted.show) {
    printTables(readResults(RESULTS)?.rows ?? []);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'evergate-failover-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const stacks: Stack[] = [];
  for (const name of wanted.stacks) {
    const stack = makeStack(name, join(directory, name));
    if ('why' in stack) say(`${name} is left out: ${stack.why}`);
    else stacks.push(stack);
  }
  const count = stacks.length * wanted.faults.length * wanted.runs;
  const boundMinutes = Math.ceil((count * RUN_BOUND_MS) / 60_000);
  say(`${count} runs, about ${Math.ceil((count * 15) / 60)} minutes, ${boundMinutes} at most`);
  const setting = thisSetting({
    requestIntervalMs: REQUEST_INTERVAL_MS,
    patienceMs: PATIENCE_MS,
    watches: WATCHES,
  });
  const rows: SavedRow[] = [];
  for (const stack of stacks) {
    const measured = await measureStack(stack, wanted);
    rows.push(...measured.map((row) => dated(row, stack.version)));
    if (!wanted.smoke) saveRows(RESULTS, setting, rows);
  }
  printTables(wanted.smoke ? rows : (readResults(RESULTS)?.rows ?? []));
  if (wanted.smoke) say('Smoke run: everything works; the figures mean nothing');
  else
    say('Written to bench/results/failover.json, with the rows of other stacks and faults there');
  if (rows.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
}

function printTables(rows: readonly SavedRow[]): void {
  const { outage, detail } = tablesOf(rows);
  process.stdout.write(`\n${outage}\n${detail}`);
}

async function measureStack(stack: Stack, { faults, runs }: Settings): Promise<Row[]> {
  const done = new Map<Fault, { runs: Run[]; problems: string[]; cannot: boolean }>();
  for (const fault of faults) done.set(fault, { runs: [], problems: [], cannot: false });
  let bench: Bench | null = null;
  let rebuilds = 0;
  // Round by round, so that a busy minute of the machine does not fall on one fault alone.
  for (let round = 0; round < runs; round++) {
    for (const [fault, { runs: found, problems, cannot }] of done) {
      if (cannot) continue;
      const label = `${stack.name} ${fault.name} ${round + 1}/${runs}`;
      try {
        bench ??= await build(stack);
        const run = await measure(bench, fault, round / runs);
        if (run === null) done.set(fault, { runs: found, problems, cannot: true });
        else found.push(run);
        say(`${label}: ${run === null ? 'cannot be done' : runText(run)}`);
      } catch (error) {
        if (interrupt.signal.aborted) {
          await remove(bench);
          throw interrupt.signal.reason;
        }
        const text = error instanceof Error ? error.message : String(error);
        say(`${label}: not measured: ${text}`);
        problems.push(text);
        await remove(bench);
        bench = null;
        rebuilds += 1;
        if (rebuilds > REBUILDS_MAX) return rowsOf(stack, done);
      }
    }
  }
  await remove(bench);
  return rowsOf(stack, done);
}

function rowsOf(
  stack: Stack,
  done: ReadonlyMap<Fault, { readonly runs: Run[]; readonly problems: string[] }>,
): Row[] {
  return [...done].map(([{ name, title }, { runs, problems }]) => ({
    stack: stack.name,
    fault: name,
    title,
    runs,
    problems,
  }));
}

async function build(stack: Stack): Promise<Bench> {
  const cluster = await startCluster({
    filesDirectory: stack.filesDirectory,
    nodeCommand: stack.nodeCommand,
    requestIntervalMs: REQUEST_INTERVAL_MS,
    patienceMs: PATIENCE_MS,
    watches: WATCHES,
    watchSilenceMs: WATCH_SILENCE_MS,
    signal: interrupt.signal,
  });
  const owners = await OwnerWatch.start(cluster, ARTICLE);
  return { cluster, topology: ARTICLE, stack, owners, signal: interrupt.signal };
}

async function remove(bench: Bench | null): Promise<void> {
  bench?.owners.close();
  await bench?.cluster.stop();
}

function say(text: string): void {
  const seconds = (performance.now() / 1000).toFixed(0).padStart(4);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort(new LabError(`${signal}: everything is removed`)));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
