/**
 * `npm test`: everything there is. Types, lint and known holes in packages, then unit, property and golden
 * tests, then the tests with real processes. `npm run check` is the same without the last, and without a network:
 * what every commit passes.
 *
 * Files run side by side, more of them while the processors have idle time (side-by-side.ts). What they say about
 * time takes the machine's lateness into account (kit/time-verdict.ts).
 *
 * Peers come from Debian: as root on a Debian system the missing packages are installed with apt-get;
 * elsewhere the tests that need them are skipped, and counted at the end.
 *
 * usage: node test/run.ts [--quick] [WORD...]   only test files whose path holds one of the words
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { audit } from './kit/audit.ts';
import { LatenessMeter } from './kit/lateness.ts';
import { installPeers } from './kit/peers.ts';
import { type Limits, sideBySide } from './side-by-side.ts';
import { Summary } from './summary.ts';

/** A file that takes longer hangs; the slowest takes a minute and a half on a machine that does nothing else. */
const FILE_LIMIT_MS = 900_000;
/** Some of the files wait, for sockets and timers, while two processors are busy with the others. */
const UNITS_SIDE_BY_SIDE: Limits = { least: 3, most: 6 };
/** Each runs several processes itself. */
const CLUSTERS_SIDE_BY_SIDE: Limits = { least: 2, most: 4 };
/** What has not changed since the last run is not looked at again; one thread costs less time in all than four. */
const TYPES_ONCE = [
  '--singleThreaded',
  ...['--incremental', '--tsBuildInfoFile', 'node_modules/.cache/evergate-types.json'],
];
/** Runs the files that are its arguments. */
const TOGETHER = 'test/together.ts';
/**
 * Files that run in one process, each of these a process: they are small, and change nothing that others see. The
 * longest first: relays mostly wait.
 */
const GROUPS = [
  /^src\/planes\/relay\/opening\//,
  /^src\/balancer\//,
  /^(src\/(core|config|vrrp|address\/rules|health|balance|names|stats|tracking)|test\/(golden|tidy))\//,
  /^src\/planes\/relay\/(counting|grant|routes|sessions|transfer)/,
  /^src\/(guardian|contracts)\//,
  /^src\/(address|election|lab|linux|load-config|syslog)\//,
];
/** Runs alone all the same: a hook would be one of the whole process; memory and descriptors are those of all. */
const ALONE = /^(before|after)(Each)?\(|memoryUsage|\/proc\/self/m;
/** What takes longest begins first, after the groups, so that nothing long runs alone at the end. */
const LONG = [
  'test/fuzz/large-files.test.ts',
  'test/fuzz/mutated-messages.test.ts',
  'src/planes/relay/relay.test.ts',
  'sim/planted.test.ts',
  'src/commands/check.test.ts',
  'tools/release/bundle.test.ts',
  'test/netns/lab-faults.test.ts',
  'test/netns/guardian-kill.test.ts',
  'test/netns/lab-session.test.ts',
  'test/netns/machine/how-to-cluster.test.ts',
  'test/netns/machine/how-to-firewall.test.ts',
  'test/netns/machine/oom-kill.test.ts',
  'test/netns/machine/clock-steps.test.ts',
  'test/netns/bench-failover.test.ts',
  'test/interop/packed.test.ts',
  'test/interop/keepalived/vrrp-keepalived.test.ts',
  'test/netns/vrrp-strangers.test.ts',
  'test/interop/bench-relay.test.ts',
  'test/interop/log-streams.test.ts',
];
/** Of a file whose last words are lost. */
const ATTEMPTS = 3;
/** Files that run one after the other in a process: often a single one. */
type Piece = readonly string[];

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

const steps = words.length === 0 ? runSteps() : Promise.resolve();
const units = filesOf('{src,sim,tools,test/{kit,golden,tidy}}/**').concat(
  filesOf('test'),
  isQuick ? [] : filesOf('test/fuzz/**'),
);
await runPieces(
  'Unit, property and golden tests',
  // The longest first.
  words.length > 0 ? singles(units) : inGroups(units),
  UNITS_SIDE_BY_SIDE,
);
if (!isQuick) {
  installPeers();
  await runPieces(
    'Tests with real processes',
    singles(filesOf('test/{netns,interop,browser}/**')),
    CLUSTERS_SIDE_BY_SIDE,
  );
}
finish();

/** Said before the first tests are, and done beside them: neither uses both processors all the time. */
async function runSteps(): Promise<void> {
  await Promise.all([
    step('Types', 'tsc', ['--noEmit', ...TYPES_ONCE]),
    step('Lint, format and import direction', 'biome', ['check', '.']),
    step('Unused exports, files and packages', 'knip', ['--no-progress']),
    ...(isQuick ? [] : [auditStep()]),
  ]);
}

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

/** Those in and below the folders of a glob. */
function filesOf(folders: string): readonly string[] {
  return globSync(`${folders}/*.test.ts`)
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

async function runPieces(title: string, pieces: readonly Piece[], limits: Limits): Promise<void> {
  const { length } = pieces.flat();
  if (length === 0) return;
  const events = new PassThrough({ objectMode: true });
  const done = sideBySide(pieces, limits, (piece) => runPiece(piece, events));
  await steps;
  process.stdout.write(`\n== ${title} (${length} files)\n`);
  const told = tell(events);
  // With this the reporter lists what has failed, of all files.
  await done.finally(() => events.end({ type: 'test:summary', data: {} }));
  await told;
}

async function tell(events: PassThrough): Promise<void> {
  for await (const chunk of events.compose(spec)) process.stdout.write(chunk);
}

/**
 * What is said of it comes as a whole, when it is over. A group ends by itself: a forced exit does not wait for what
 * a busy runner has not read yet, and a group has more to say than fits into a pipe. A file whose last words were lost
 * in that way, and that told of no failure, is run again.
 */
async function runPiece(piece: Piece, events: PassThrough): Promise<void> {
  const single = { files: [...piece], forceExit: true };
  const group = { files: [TOGETHER], argv: [...piece] };
  const options = { ...(piece.length === 1 ? single : group), timeout: FILE_LIMIT_MS };
  for (let attempt = 1; ; attempt++) {
    const said = await Array.fromAsync(run(options));
    // The last that a file says; without it the runner takes what has come for all there is.
    const isWhole = said.some(
      ({ type, data }) => type === 'test:summary' && data.file !== undefined,
    );
    const isOver = isWhole || said.some(({ type }) => type === 'test:fail');
    if (!isOver && attempt < ATTEMPTS) {
      process.stdout.write(`${piece.join(' ')}: its last words were lost; it is run again\n`);
      continue;
    }
    for (const event of said) {
      if (event.type === 'test:pass') summary.onPass(event.data);
      if (event.type === 'test:fail') summary.onFail(event.data);
      if (event.type === 'test:diagnostic') summary.onDiagnostic(event.data);
      if (!isEnd(event)) events.write(event);
    }
    if (!isWhole) summary.onCutShort(piece);
    return;
  }
}

/** What the runner says when a file is over, of this file alone. */
function isEnd({ type, data }: { type: string; data: { file?: string } }): boolean {
  return data.file === undefined && (type === 'test:diagnostic' || type === 'test:summary');
}

function inGroups(files: readonly string[]): readonly Piece[] {
  const left = new Set(files);
  const groups = GROUPS.map((group) => {
    const piece = files.filter(
      (file) => left.has(file) && group.test(file) && !ALONE.test(readFileSync(file, 'utf8')),
    );
    for (const file of piece) left.delete(file);
    return piece;
  });
  return [...groups, ...singles([...left])];
}

/** The longest first. */
function singles(files: readonly string[]): readonly Piece[] {
  for (const file of LONG) assert.ok(existsSync(file), `LONG names ${file}, which is not there`);
  const long = LONG.filter((file) => files.includes(file));
  return [...long, ...files.filter((file) => !long.includes(file))].map((file) => [file]);
}

function finish(): void {
  const lines = summary.lines(performance.now() - startedAt, meter.read());
  process.stdout.write(`\n${lines.join('\n')}\n`);
  process.exitCode = summary.failed > 0 || summary.passed === 0 ? 1 : 0;
}
