/**
 * bench/relay: our relay against Debian's HAProxy and nginx stream, in alternated pairs on pinned cores.
 *
 *   node bench/relay/run.ts [--seconds N] [--pairs N] [--haproxy3 DIR] [--only MEASURE] [--smoke]
 *
 * Prints a table and writes bench/results/relay.json. --smoke proves in a few seconds that everything
 * runs, and draws no conclusion.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cost, MEASURES, type Measure, measure } from './measures.ts';
import {
  evergate,
  haproxy,
  haproxyIn,
  nginxStream,
  type ProxyServer,
  startBackend,
} from './proxies.ts';

const LISTEN_PORT = 18_480;
const SERVER_PORT = 18_481;

type Row = {
  readonly measure: string;
  readonly unit: string;
  readonly peer: string;
  readonly ours: number;
  readonly theirs: number;
  /** Median of the pairs' ratios; below 1 we cost less. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  readonly busy: { readonly ours: number; readonly theirs: number };
};

type Settings = {
  readonly seconds: number;
  readonly pairs: number;
  readonly smoke: boolean;
  readonly haproxy3: string | null;
  readonly only: string | null;
};

function settings(): Settings {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '4' },
      pairs: { type: 'string', default: '5' },
      haproxy3: { type: 'string' },
      only: { type: 'string' },
      smoke: { type: 'boolean', default: false },
    },
  });
  const { smoke } = values;
  return {
    seconds: smoke ? 1 : Number(values.seconds),
    pairs: smoke ? 1 : Number(values.pairs),
    smoke,
    haproxy3: values.haproxy3 ?? null,
    only: values.only ?? null,
  };
}

async function main(): Promise<void> {
  const chosen = settings();
  const missing = ['/usr/bin/wrk', '/usr/sbin/nginx', '/usr/bin/taskset'].filter(
    (path) => !existsSync(path),
  );
  if (missing.length > 0 || cpus().length < 2) {
    process.stderr.write(
      `Cannot measure: needs two processors, and ${missing.join(', ') || 'nothing else'}; ` +
        'run "apt-get install wrk nginx libnginx-mod-stream haproxy"\n',
    );
    process.exitCode = 1;
    return;
  }
  // In memory, so that the backend's big file never meets a disk.
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'evergate-'));
  execFileSync('chmod', ['755', directory]);
  const backend = await startBackend(directory, SERVER_PORT);
  try {
    const ours = await evergate();
    const peers = [await haproxy(directory), await nginxStream(directory)];
    if (chosen.haproxy3 !== null) peers.push(await haproxyIn(chosen.haproxy3, directory));
    const present = peers.filter((peer) => peer !== null);
    const rows: Row[] = [];
    for (const what of MEASURES) {
      if (chosen.only !== null && chosen.only !== what.name) continue;
      for (const peer of present) rows.push(await comparePair(what, ours, peer, chosen));
    }
    report(rows, [ours, ...present], chosen);
  } finally {
    await backend.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function comparePair(
  what: Measure,
  ours: ProxyServer,
  peer: ProxyServer,
  chosen: Settings,
): Promise<Row> {
  const { pairs } = chosen;
  const mine: Cost[] = [];
  const theirs: Cost[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Whoever goes first may meet a warmer or a busier machine: take turns.
    const order = pair % 2 === 0 ? [ours, peer] : [peer, ours];
    for (const proxy of order) {
      const cost = await measureOnce(what, proxy, chosen);
      (proxy === ours ? mine : theirs).push(cost);
    }
    const [a, b] = [mine.at(-1)?.cost ?? 0, theirs.at(-1)?.cost ?? 0];
    const figures = `${a.toFixed(1)} vs ${b.toFixed(1)}, ratio ${(a / b).toFixed(2)}`;
    process.stdout.write(`${what.name} ${pair + 1}/${pairs} against ${peer.name}: ${figures}\n`);
  }
  const ratios = mine.map(({ cost }, index) => cost / (theirs[index]?.cost ?? Number.NaN));
  return {
    measure: what.name,
    unit: what.unit,
    peer: peer.name,
    ours: median(mine.map(({ cost }) => cost)),
    theirs: median(theirs.map(({ cost }) => cost)),
    ratio: median(ratios),
    ratios,
    busy: {
      ours: median(mine.map(({ busy }) => busy)),
      theirs: median(theirs.map(({ busy }) => busy)),
    },
  };
}

async function measureOnce(
  what: Measure,
  proxy: ProxyServer,
  { seconds, smoke }: Settings,
): Promise<Cost> {
  const started = await proxy.start(LISTEN_PORT, SERVER_PORT);
  try {
    // Warm: compiled code, filled pools, a backend that has its file in memory.
    if (!smoke) await measure(what, started.pid, LISTEN_PORT, 1);
    return await measure(what, started.pid, LISTEN_PORT, seconds);
  } finally {
    await started.end();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function report(rows: readonly Row[], proxies: readonly ProxyServer[], chosen: Settings): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(`\n${line(['cost', 'against', 'ours', 'theirs', 'ratio'])}`);
  process.stdout.write(line(['---', '---', '---:', '---:', '---:']));
  for (const row of rows) {
    const numbers = [row.ours.toFixed(1), row.theirs.toFixed(1), row.ratio.toFixed(2)];
    process.stdout.write(line([row.unit, row.peer, ...numbers]));
  }
  if (chosen.smoke) {
    process.stdout.write('\nSmoke run: everything works; the figures mean nothing.\n');
    return;
  }
  const results = join(import.meta.dirname, '../results');
  mkdirSync(results, { recursive: true });
  const record = {
    date: new Date().toISOString(),
    kernel: release(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    versions: Object.fromEntries(proxies.map(({ name, version }) => [name, version])),
    seconds: chosen.seconds,
    pairs: chosen.pairs,
    rows,
  };
  writeFileSync(join(results, 'relay.json'), `${JSON.stringify(record, null, 2)}\n`);
  process.stdout.write('\nWritten to bench/results/relay.json\n');
}

await main();
