/** The program as every kind of package carries it: the bundle, its runtime, koffi's binary, the licences of all that. */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Bundle } from './bundle.ts';
import type { Machine } from './carried.ts';
import { licenceTexts } from './licences.ts';

export const LICENCES_FILE = 'THIRD-PARTY-LICENSES.txt';
/** With a busy machine it takes two seconds. */
const TRIAL_LIMIT_MS = 30_000;

/** What is not made here, but of one kind of machine. */
export type Binaries = {
  readonly machine: Machine;
  /** Folders of the npm packages `node-linux-*` and `@koromix/koffi-linux-*`. */
  readonly runtime: string;
  readonly koffi: string;
};

/** Those that `npm ci` has installed: of this kind of machine. */
export function installedBinaries(root: string): Binaries {
  const { arch } = process;
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`No runtime is pinned for ${arch}`);
  const packages = join(root, 'node_modules');
  return {
    machine: arch,
    runtime: join(packages, `node-linux-${arch}`),
    koffi: join(packages, `@koromix/koffi-linux-${arch}`),
  };
}

/** Writes all of it into `folder`, which is made. Throws what the file system says. */
export function writeProgram(
  folder: string,
  root: string,
  { outputs, packages }: Pick<Bundle, 'outputs' | 'packages'>,
  { machine, runtime, koffi }: Binaries,
): void {
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputs) writeFileSync(join(folder, basename(path)), contents);
  const node = join(folder, `node-${machine}`);
  copyFileSync(join(runtime, 'bin/node'), node);
  chmodSync(node, 0o755);
  const library = join(folder, 'koffi.node');
  copyFileSync(join(koffi, `linux_${machine}`, 'koffi.node'), library);
  // Its package has it executable for one kind of machine and not for the other.
  chmodSync(library, 0o644);
  // koffi's binary has the licence of koffi, which is among those of the bundle.
  const carried = packages.map((name) => join(root, 'node_modules', name));
  writeFileSync(join(folder, LICENCES_FILE), licenceTexts([runtime, ...carried]));
}

/** Has the program in `folder` tell its version, and read a file. Throws with what it said. */
export function tryOut(folder: string, root: string, version: string): void {
  const told = evergate(folder, ['--version']);
  if (told.trim() !== version) throw new Error(`What was built says it is version "${told}"`);
  evergate(folder, ['check', '--config', join(root, 'examples/evergate.yaml')]);
}

function evergate(folder: string, args: readonly string[]): string {
  const runtime = join(folder, `node-${process.arch}`);
  const { status, signal, stdout, stderr } = spawnSync(
    runtime,
    [join(folder, 'main.js'), ...args],
    {
      cwd: dirname(folder),
      encoding: 'utf8',
      timeout: TRIAL_LIMIT_MS,
    },
  );
  if (status === 0) return stdout;
  throw new Error(`What was built does not run: ${args.join(' ')}: ${signal ?? status}\n${stderr}`);
}
