/**
 * `npm test`: everything there is. Types and lint, then unit, property and golden tests side by side, then
 * the tests with real processes one file at a time, because they watch times and there may be two cores.
 *
 * Peers come from Debian: as root on a Debian system the missing packages are installed with apt-get;
 * elsewhere the tests that need them are skipped, and counted at the end.
 *
 * usage: node test/run.ts [WORD...]   only test files whose path holds one of the words
 */

import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { installPeers } from './peers.ts';

/** A file that takes longer hangs; the slowest takes about a minute. */
const FILE_LIMIT_MS = 300_000;

type Totals = { passed: number; failed: number; readonly skipped: string[] };

const words = process.argv.slice(2);
const startedAt = performance.now();
const totals: Totals = { passed: 0, failed: 0, skipped: [] };

if (words.length === 0) {
  step('Types', 'tsc', ['--noEmit']);
  step('Lint, format and import direction', 'biome', ['check', '.']);
}
installPeers();
await runFiles(
  'Unit, property and golden tests',
  ['src', 'sim', 'tools', 'test/tidy', 'test/golden', 'test/fuzz'],
  true,
);
await runFiles('Tests with real processes', ['test/netns', 'test/interop', 'test/browser'], 1);
finish();

function step(title: string, command: string, args: readonly string[]): void {
  process.stdout.write(`\n== ${title}\n`);
  // npm puts node_modules/.bin first in PATH; a direct `node test/run.ts` gets the same.
  const path = `node_modules/.bin:${process.env.PATH ?? ''}`;
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  if (status === 0) {
    totals.passed++;
  } else {
    totals.failed++;
    process.stdout.write(`${title} failed${error ? `: ${error.message}` : ''}\n`);
  }
}

async function runFiles(
  title: string,
  folders: readonly string[],
  concurrency: number | true,
): Promise<void> {
  const files = folders
    .flatMap((folder) => globSync(`${folder}/**/*.test.ts`))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  if (files.length === 0) return;
  process.stdout.write(`\n== ${title} (${files.length} files)\n`);
  const tests = run({ files, concurrency, timeout: FILE_LIMIT_MS, forceExit: true });
  tests.on('test:pass', ({ name, skip, details }) => {
    if (details.type === 'suite') return;
    if (skip === undefined) totals.passed++;
    else totals.skipped.push(`${name}${typeof skip === 'string' ? `: ${skip}` : ''}`);
  });
  tests.on('test:fail', ({ details }) => {
    if (details.type !== 'suite') totals.failed++;
  });
  for await (const chunk of tests.compose(spec)) process.stdout.write(chunk);
}

function finish(): void {
  const { passed, failed, skipped } = totals;
  if (skipped.length > 0) {
    process.stdout.write(`\n${skipped.length} tests were SKIPPED here:\n`);
    for (const line of skipped) process.stdout.write(`  ${line}\n`);
  }
  const minutes = (performance.now() - startedAt) / 60_000;
  process.stdout.write(`\nTook ${minutes.toFixed(1)} minutes.\n`);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
