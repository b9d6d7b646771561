/**
 * The runtime and koffi's binary for a kind of machine. Those of this machine are here already; the others come from
 * the registry that npm uses, and are what package-lock.json says they are, or are refused.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../release/carried.ts';
import { type Binaries, installedBinaries } from '../release/program.ts';

type Lock = {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly integrity: string }>
  >;
};

/** Throws Error with a sentence when the registry has no answer or another one than it should. */
export function binariesFor(machine: Machine, root: string): Binaries {
  const installed = installedBinaries(root);
  if (installed.machine === machine) return installed;
  return {
    machine,
    runtime: fetched(`node-linux-${machine}`, root),
    koffi: fetched(`@koromix/koffi-linux-${machine}`, root),
  };
}

/** The folder of the npm package, fetched once and kept. */
function fetched(name: string, root: string): string {
  const lock: Lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json does not know ${name}`);
  const cache = join(root, 'node_modules/.cache/evergate-binaries');
  const folder = join(cache, `${name.replace('/', '+')}-${locked.version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'new-'));
  try {
    const tarball = pack(`${name}@${locked.version}`, work);
    const hash = createHash('sha512').update(readFileSync(tarball)).digest('base64');
    if (`sha512-${hash}` !== locked.integrity) {
      throw new Error(`What the registry has as ${name} is not what package-lock.json names`);
    }
    execFileSync('tar', ['-xzf', tarball, '-C', work, '--no-same-owner']);
    renameSync(join(work, 'package'), folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The path of the tarball in `folder`. */
function pack(spec: string, folder: string): string {
  try {
    const args = ['pack', spec, '--silent', '--pack-destination', folder];
    const said = execFileSync('npm', args, { encoding: 'utf8', cwd: folder });
    return join(folder, said.trim().split('\n').at(-1) ?? '');
  } catch (error) {
    throw new Error(`npm cannot fetch ${spec}; name the kinds of machines to do without`, {
      cause: error,
    });
  }
}
