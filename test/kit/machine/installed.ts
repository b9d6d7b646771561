/** The program as a package of npm has it, without the minute that compressing it takes. */

import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle } from '../../../tools/release/bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** Makes `folder`, with what /opt/evergate holds on a node. */
export async function installInto(folder: string): Promise<void> {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  const { outputs } = await bundle(ROOT, files);
  for (const { path, contents } of outputs) writeFileSync(join(dist, basename(path)), contents);
  const { arch } = process;
  const packages = join(ROOT, 'node_modules');
  copyFileSync(join(packages, `node-linux-${arch}`, 'bin/node'), join(dist, `node-${arch}`));
  const koffi = join(packages, `@koromix/koffi-linux-${arch}`, `linux_${arch}`, 'koffi.node');
  copyFileSync(koffi, join(dist, 'koffi.node'));
  for (const name of ['bin', 'examples', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
}
