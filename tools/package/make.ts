/**
 * `npm run package [-- MACHINE...]`: packages for these kinds of machines, amd64 and arm64 unless some are named, in
 * packages/: a .deb, an .rpm, a tarball and a container image of each (docs/adr/0030). The same commit gives the same bytes. What does not
 * become whole is not left there.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bundle, bundle } from '../release/bundle.ts';
import type { Machine } from '../release/carried.ts';
import { installedBinaries, tryOut } from '../release/program.ts';
import { binariesFor } from './binaries.ts';
import { writeDeb } from './deb.ts';
import { IMAGE_TOOLS, writeImage } from './image.ts';
import { writeRpm } from './rpm.ts';
import { writeTarball } from './tarball.ts';
import { layOut, PROGRAM, type TreeFacts } from './tree.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OUTPUT = join(ROOT, 'packages');
/** As Debian calls them. */
const MACHINES: Readonly<Record<string, Machine>> = { amd64: 'x64', arm64: 'arm64' };
/** The programs that write packages, and the Debian packages they are in. */
const TOOLS = { 'dpkg-deb': 'dpkg', tar: 'tar', rpmbuild: 'rpm' } as const;

type Manifest = { readonly version: string; readonly files: readonly string[] };

async function make(words: readonly string[]): Promise<void> {
  const machines = (words.length === 0 ? Object.keys(MACHINES) : words).map(machineNamed);
  for (const [tool, from] of Object.entries(TOOLS)) requireTool(tool, from);
  process.umask(0o022);
  const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const facts = { root: ROOT, version: manifest.version, epoch: sourceEpoch() };
  say(`Version ${manifest.version}: the program becomes a few files of JavaScript`);
  const built = await bundle(ROOT, manifest.files);
  const work = mkdtempSync(join(tmpdir(), 'evergate-package-'));
  try {
    const made = join(work, 'made');
    mkdirSync(made);
    const names: string[] = [];
    for (const machine of machines) {
      names.push(...(await packagesFor(machine, built, facts, work, made)));
    }
    mkdirSync(OUTPUT, { recursive: true });
    for (const name of names) {
      // Beside its place first: the two may be on different disks.
      cpSync(join(made, name), join(OUTPUT, `.${name}`));
      renameSync(join(OUTPUT, `.${name}`), join(OUTPUT, name));
      process.stdout.write(`packages/${name}\n`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Writes them into `made`; returns their names. */
async function packagesFor(
  machine: Machine,
  built: Bundle,
  facts: TreeFacts,
  work: string,
  made: string,
): Promise<readonly string[]> {
  const tree = join(work, 'tree');
  mkdirSync(tree);
  const step = (text: string): void => say(`${machine}: ${text}`);
  try {
    step('programs, pages and completions are laid out');
    await layOut(tree, built, binariesFor(machine, ROOT), facts);
    if (machine === installedBinaries(ROOT).machine) {
      step('the program is tried out');
      tryOut(join(tree, PROGRAM, 'dist'), ROOT, facts.version);
    }
    step('the tarball is written');
    const tarball = writeTarball(tree, made, machine, facts);
    const image = imageFor(machine, tree, made, facts, step);
    step('the .rpm is written');
    const rpm = writeRpm(tree, made, machine, facts);
    step('the .deb is written');
    return [writeDeb(tree, made, machine, facts), rpm, tarball, ...image];
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** Its name; none where tools for it are missing, which nothing else needs. */
function imageFor(
  machine: Machine,
  tree: string,
  made: string,
  facts: TreeFacts,
  step: (text: string) => void,
): readonly string[] {
  const missing = Object.entries(IMAGE_TOOLS).filter(([tool]) => !isThere(tool));
  if (missing.length > 0) {
    const packages = missing.map(([, from]) => from).join(' and ');
    step(`no container image is written: Debian's ${packages} missing here`);
    return [];
  }
  step('the container image is written');
  return [writeImage(tree, made, machine, facts)];
}

/** Beside the names of what was made, which go to standard output. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function machineNamed(word: string): Machine {
  const machine = MACHINES[word];
  if (machine !== undefined) return machine;
  throw new Error(`"${word}" is no kind of machine: ${Object.keys(MACHINES).join(' or ')}`);
}

function requireTool(tool: string, from: string): void {
  if (isThere(tool)) return;
  throw new Error(`${tool} is missing; on Debian it is in the package ${from}`);
}

function isThere(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** SOURCE_DATE_EPOCH, or when the commit that is checked out was made. */
function sourceEpoch(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  try {
    const args = ['-C', ROOT, 'log', '-1', '--format=%ct'];
    return Number(
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    throw new Error('This is no checkout of git: say when it was made in SOURCE_DATE_EPOCH');
  }
}

try {
  await make(process.argv.slice(2));
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`evergate: error: The packages cannot be built: ${text}\n`);
  process.exitCode = 1;
}
