/**
 * bench/relay: our relay against HAProxy 3, Debian's HAProxy and nginx stream, in alternated rounds on
 * pinned cores.
 *
 *   node bench/relay/run.ts [--haproxy3 auto|DIR] [--rounds N] [--seconds N] [--only PART,...] [--smoke]
 *
 * Prints a table, writes bench/results/relay.json and draws bench/results/relay.svg. Parts: cost, threads,
 * growth, memory, idle; what a run leaves out stays in the file as it was. "--haproxy3 auto" brings
 * Debian's package by apt into a folder of its own. --smoke proves in seconds that everything runs, and
 * draws no conclusion.
 */

import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchHaproxy3 } from './haproxy3.ts';
import { type Bench, MEASURE } from './parts.ts';
import { plot } from './plot.ts';
import { evergate, haproxy, haproxyIn, nginxStream, startBackend } from './proxies.ts';
import { PARTS, type Part, type Row, runNow, saveResults } from './results.ts';
import { table } from './table.ts';

const RESULTS = join(import.meta.dirname, '../results');
const NEEDED = ['/usr/bin/wrk', '/usr/sbin/nginx', '/usr/bin/taskset', '/usr/sbin/haproxy'];

type Settings = {
  readonly rounds: number;
  readonly seconds: number;
  readonly parts: readonly Part[];
  readonly haproxy3: string | null;
  readonly smoke: boolean;
};

function settings(): Settings {
  const { values } = parseArgs({
    options: {
      haproxy3: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      smoke: { type: 'boolean', default: false },
    },
  });
  const { smoke, only, haproxy3 = null } = values;
  const parts = only?.split(',') ?? [...PARTS];
  const unknown = parts.find((part) => !PARTS.some((name) => name === part));
  if (unknown !== undefined) {
    throw new Error(`"--only" knows no "${unknown}"; it knows ${PARTS.join(', ')}`);
  }
  return {
    rounds: smoke ? 1 : Number(values.rounds),
    seconds: smoke ? 1 : Number(values.seconds),
    parts: parts as Part[],
    haproxy3,
    smoke,
  };
}

/** null: everything is there. */
function whyNot(): string | null {
  const missing = NEEDED.filter((path) => !existsSync(path));
  if (missing.length > 0) {
    const packages = 'apt-get install wrk nginx libnginx-mod-stream haproxy util-linux';
    return `${missing.join(', ')} is missing; run "${packages}"`;
  }
  if (cpus().length < 2) return 'two processors are needed';
  return process.getuid?.() === 0 ? null : 'root is needed, for a network namespace';
}

async function main(): Promise<void> {
  const chosen = settings();
  const problem = whyNot();
  if (problem !== null) throw new Error(`Cannot measure: ${problem}`);
  // In memory, so that the backend's big file never meets a disk.
  const work = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'evergate-'));
  chmodSync(work, 0o755);
  const backend = await startBackend(work);
  try {
    const bench = await prepare(work, chosen);
    const rows: Row[] = [];
    const runs: Record<string, ReturnType<typeof runNow>> = {};
    for (const part of chosen.parts) {
      rows.push(...(await MEASURE[part](bench)));
      runs[part] = runNow(chosen.rounds);
    }
    process.stdout.write(`\n${table(rows, !chosen.smoke)}`);
    if (chosen.smoke) {
      process.stdout.write('\nSmoke run: everything works; the figures mean nothing.\n');
      return;
    }
    const proxies = [bench.ours, ...bench.peers];
    const versions = Object.fromEntries(proxies.map(({ name, version }) => [name, version]));
    const results = saveResults(join(RESULTS, 'relay.json'), versions, runs, rows);
    writeFileSync(join(RESULTS, 'relay.svg'), plot(results));
    process.stdout.write('\nWritten to bench/results/relay.json and relay.svg\n');
  } finally {
    await backend.end();
    rmSync(work, { recursive: true, force: true });
  }
}

async function prepare(work: string, chosen: Settings): Promise<Bench> {
  const older = await haproxy(work);
  const peers = [];
  if (chosen.haproxy3 === 'auto') {
    const folder = join(tmpdir(), 'evergate-haproxy3');
    await fetchHaproxy3(folder);
    peers.push(await haproxyIn(join(folder, 'root'), work));
  } else if (chosen.haproxy3 !== null) peers.push(await haproxyIn(chosen.haproxy3, work));
  if (older !== null) peers.push(older);
  const nginx = chosen.smoke ? null : await nginxStream(work);
  if (nginx !== null) peers.push(nginx);
  return { ...chosen, work, ours: evergate(), peers };
}

await main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
