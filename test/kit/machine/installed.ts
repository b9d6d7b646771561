/** The program as a package of npm has it, without the minute that compressing it takes. */

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../../tools/release/bundle.ts';
import { installedBinaries, writeProgram } from '../../../tools/release/program.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** Makes `folder`, with what /opt/evergate holds on a node. */
export async function installInto(folder: string): Promise<void> {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const program = await bundle(ROOT, files);
  writeProgram(join(folder, 'dist'), ROOT, program, installedBinaries(ROOT));
  for (const name of ['bin', 'examples', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
}
