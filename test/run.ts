/**
 * `npm test`: everything there is. Types, lint and known holes in packages, then unit, property and golden
 * tests, then the tests with real processes. `npm run check` is the same without the last, and without a network:
 * what every commit passes.
 *
 * Files run side by side. Those with real processes wait for timers of VRRP more than they work; what they say
 * about time takes the machine's lateness into account (kit/time-verdict.ts).
 *
 * Peers come from Debian: as root on a Debian system the missing packages are installed with apt-get;
 * elsewhere the tests that need them are skipped, and counted at the end.
 *
 * usage: node test/run.ts [--quick] [WORD...]   only test files whose path holds one of the words
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { audit } from './kit/audit.ts';
import { LatenessMeter } from './kit/lateness.ts';
import { installPeers } from './kit/peers.ts';
import { Summary } from './summary.ts';

/** A file that takes longer hangs; the slowest takes a minute on a machine that does nothing else. */
const FILE_LIMIT_MS = 900_000;
/** Some of the files wait, for sockets and timers, while two processors are busy with the others. */
const UNITS_SIDE_BY_SIDE = 3;
/** Each runs several processes itself. */
const CLUSTERS_SIDE_BY_SIDE = 2;
const PURE = 'test/pure.ts';
/** All in one process (pure.ts). */
const IN_PURE =
  /^(src\/(core|config|vrrp|address\/rules|health|balance|stats|tracking)|test\/(golden|tidy))\//;

// Stripping types and compiling is a third of what a small process does: it is done once.
process.env.NODE_COMPILE_CACHE ??= resolve('node_modules/.cache/evergate-tests');
mkdirSync(process.env.NODE_COMPILE_CACHE, { recursive: true });
// npm puts node_modules/.bin first in PATH; a direct `node test/run.ts` gets the same.
process.env.PATH = `${resolve('node_modules/.bin')}:${process.env.PATH ?? ''}`;

const words = process.argv.slice(2).filter((word) => word !== '--quick');
const isQuick = process.argv.includes('--quick');
const startedAt = performance.now();
const meter = await LatenessMeter.start();
const summary = new Summary();

if (words.length === 0) {
  await Promise.all([
    step('Types', 'tsc', ['--noEmit']),
    step('Lint, format and import direction', 'biome', ['check', '.']),
    step('Unused exports, files and packages', 'knip', ['--no-progress']),
    ...(isQuick ? [] : [auditStep()]),
  ]);
}
const units = ['src', 'sim', 'tools', 'test/kit', 'test/fuzz'].flatMap((folder) => filesOf(folder));
const pure = filesOf('{src,test/golden,test/tidy}').filter((file) => IN_PURE.test(file));
await runFiles(
  'Unit, property and golden tests',
  [
    // The longest first.
    ...(words.length === 0 ? [PURE] : pure),
    ...units.filter((file) => !IN_PURE.test(file) && !(isQuick && file.startsWith('test/fuzz'))),
  ],
  UNITS_SIDE_BY_SIDE,
);
if (!isQuick) {
  installPeers();
  await runFiles(
    'Tests with real processes',
    ['test/netns', 'test/interop', 'test/browser'].flatMap((folder) => filesOf(folder)),
    CLUSTERS_SIDE_BY_SIDE,
  );
}
finish();

async function auditStep(): Promise<void> {
  const { failed, lines } = await audit();
  process.stdout.write(`\n== Known holes in packages\n${lines.join('\n')}\n`);
  if (failed) summary.failed += 1;
  else summary.passed += 1;
}

/** Its output comes as a whole, when it is over. */
async function step(title: string, command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => said.push(chunk));
  }
  const [code] = await once(child, 'close').catch((error: Error) => [error.message]);
  process.stdout.write(`\n== ${title}\n${Buffer.concat(said)}`);
  if (code === 0) {
    summary.passed += 1;
    return;
  }
  summary.failed += 1;
  process.stdout.write(`${title} failed: ${code}\n`);
}

function filesOf(folder: string): readonly string[] {
  return globSync(`${folder}/**/*.test.ts`)
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

async function runFiles(
  title: string,
  files: readonly string[],
  concurrency: number,
): Promise<void> {
  if (files.length === 0) return;
  process.stdout.write(`\n== ${title} (${files.length} files)\n`);
  const tests = run({
    files: [...files],
    concurrency,
    timeout: FILE_LIMIT_MS,
    forceExit: true,
  });
  tests.on('test:pass', (data) => summary.onPass(data));
  tests.on('test:fail', (data) => summary.onFail(data));
  tests.on('test:diagnostic', (data) => summary.onDiagnostic(data));
  for await (const chunk of tests.compose(spec)) process.stdout.write(chunk);
}

function finish(): void {
  const lines = summary.lines(performance.now() - startedAt, meter.read());
  process.stdout.write(`\n${lines.join('\n')}\n`);
  process.exitCode = summary.failed > 0 || summary.passed === 0 ? 1 : 0;
}
