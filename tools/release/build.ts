/**
 * Writes dist/, all that `npm pack` packs of the program (docs/adr/0016). What was made is started once: a package
 * that does not run is not packed. Says nothing on standard output, which is that of `npm pack`.
 */

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { installedBinaries, tryOut, writeProgram } from './program.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DIST = join(ROOT, 'dist');

type Manifest = { readonly version: string; readonly files: readonly string[] };

async function build(): Promise<void> {
  const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  writeProgram(DIST, ROOT, await bundle(ROOT, manifest.files), installedBinaries(ROOT));
  tryOut(DIST, ROOT, manifest.version);
}

rmSync(DIST, { recursive: true, force: true });
try {
  await build();
} catch (error) {
  rmSync(DIST, { recursive: true, force: true });
  process.stderr.write(`evergate: error: The package cannot be built: ${String(error)}\n`);
  process.exitCode = 1;
}
