/** The program as packages have it, without the minute that compressing it takes. */

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeDeb } from '../../../tools/package/deb.ts';
import { layOut } from '../../../tools/package/tree.ts';
import { bundle } from '../../../tools/release/bundle.ts';
import { installedBinaries, writeProgram } from '../../../tools/release/program.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** Writes Debian's package of it into `folder`, as evergate.deb. */
export async function packageInto(folder: string): Promise<void> {
  const { files, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const tree = join(folder, 'tree');
  const facts = { root: ROOT, version, epoch: 0 };
  const binaries = installedBinaries(ROOT);
  mkdirSync(tree, { recursive: true });
  await layOut(tree, await bundle(ROOT, files), binaries, facts);
  const name = writeDeb(tree, folder, binaries.machine, facts, 'none');
  renameSync(join(folder, name), join(folder, 'evergate.deb'));
  rmSync(tree, { recursive: true });
}

/** Makes `folder`, with what /opt/evergate holds on a node. */
export async function installInto(folder: string): Promise<void> {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const program = await bundle(ROOT, files);
  writeProgram(join(folder, 'dist'), ROOT, program, installedBinaries(ROOT));
  for (const name of ['bin', 'examples', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
}
