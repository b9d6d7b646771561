/**
 * Writes dist/: the bundle, the Node.js runtime that runs it, koffi's binary, and the licences of all that is
 * in them (docs/adr/0016). What was made is started once: a package that does not run is not packed. Says
 * nothing on standard output, which is that of `npm pack`.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bundle } from './bundle.ts';
import { licenceTexts } from './licences.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DIST = join(ROOT, 'dist');
const PACKAGES = join(ROOT, 'node_modules');
const RUNTIME = join(PACKAGES, `node-linux-${process.arch}`);
const KOFFI = join(PACKAGES, `@koromix/koffi-linux-${process.arch}`);
/** With a busy machine it takes two seconds. */
const TRIAL_LIMIT_MS = 30_000;

type Manifest = { readonly version: string; readonly files: readonly string[] };

async function build(): Promise<void> {
  const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { outputs, packages } = await bundle(ROOT, manifest.files);
  mkdirSync(DIST);
  for (const { path, contents } of outputs) writeFileSync(join(DIST, basename(path)), contents);
  const runtime = join(DIST, `node-${process.arch}`);
  copyFileSync(join(RUNTIME, 'bin/node'), runtime);
  chmodSync(runtime, 0o755);
  copyFileSync(join(KOFFI, `linux_${process.arch}`, 'koffi.node'), join(DIST, 'koffi.node'));
  // koffi's binary has the licence of koffi, which is among those of the bundle.
  const licences = licenceTexts([RUNTIME, ...packages.map((name) => join(PACKAGES, name))]);
  writeFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), licences);
  tryOut(runtime, manifest.version);
}

/** Has the bundle tell its version, and read a file. */
function tryOut(runtime: string, version: string): void {
  const told = evergate(runtime, ['--version']);
  if (told.trim() !== version) throw new Error(`What was built says it is version "${told}"`);
  evergate(runtime, ['check', '--config', join(ROOT, 'examples/evergate.yaml')]);
}

function evergate(runtime: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(runtime, [join(DIST, 'main.js'), ...args], {
    cwd: dirname(DIST),
    encoding: 'utf8',
    timeout: TRIAL_LIMIT_MS,
  });
  if (status === 0) return stdout;
  throw new Error(`What was built does not run: ${args.join(' ')}: ${signal ?? status}\n${stderr}`);
}

rmSync(DIST, { recursive: true, force: true });
try {
  await build();
} catch (error) {
  rmSync(DIST, { recursive: true, force: true });
  process.stderr.write(`evergate: error: The package cannot be built: ${String(error)}\n`);
  process.exitCode = 1;
}
