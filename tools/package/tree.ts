/** Where everything lies on a node (Filesystem Hierarchy Standard), the same for each kind of package. */

import {
  chmodSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Bundle } from '../release/bundle.ts';
import { SBOM_FILE } from '../release/carried.ts';
import { type Binaries, LICENCES_FILE, writeProgram } from '../release/program.ts';
import { commandTree } from './command-tree.ts';
import { bashCompletion, fishCompletion, zshCompletion } from './completions.ts';
import { commandPage, configurationPage } from './man-pages.ts';

export const PROGRAM = 'usr/lib/evergate';
export const DOCS = 'usr/share/doc/evergate';
/** What the operator changes and an upgrade leaves alone. */
export const CONFIGURATION = 'etc/evergate/evergate.yaml';

export type TreeFacts = {
  /** Of the checkout. */
  readonly root: string;
  readonly version: string;
  /** Seconds since 1970: when the sources were committed. */
  readonly epoch: number;
};

/** As gzip -9n does it: no name and no time in it. */
export function zipped(text: string | Buffer): Buffer {
  return gzipSync(text, { level: 9 });
}

/** Lays it out below `tree`, an empty folder. Throws what the file system says. */
export async function layOut(
  tree: string,
  bundle: Pick<Bundle, 'outputs' | 'packages'>,
  binaries: Binaries,
  { root, version, epoch }: TreeFacts,
): Promise<void> {
  const put = (path: string, contents: string | Buffer): void => {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    writeFileSync(join(tree, path), contents);
  };
  const copy = (from: string, path: string): void => put(path, readFileSync(join(root, from)));

  writeProgram(join(tree, PROGRAM, 'dist'), root, bundle, binaries);
  copy('bin/evergate', `${PROGRAM}/bin/evergate`);
  chmodSync(join(tree, PROGRAM, 'bin/evergate'), 0o755);
  // `evergate lab` runs them.
  for (const file of globSync('examples/*/*', { cwd: root })) {
    copy(file, `${PROGRAM}/${file}`);
    if (file.endsWith('.sh')) chmodSync(join(tree, PROGRAM, file), 0o755);
  }
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/evergate/bin/evergate', join(tree, 'usr/bin/evergate'));

  copy('packaging/evergate.yaml', CONFIGURATION);
  copy('packaging/evergate.service', 'usr/lib/systemd/system/evergate.service');
  copy('packaging/evergate.sysusers', 'usr/lib/sysusers.d/evergate.conf');

  const commands = await commandTree();
  put('usr/share/bash-completion/completions/evergate', bashCompletion(commands));
  put('usr/share/zsh/vendor-completions/_evergate', zshCompletion(commands));
  put('usr/share/fish/vendor_completions.d/evergate.fish', fishCompletion(commands));
  const sample = readFileSync(join(root, 'examples/evergate.yaml'), 'utf8').replace(/^#.*\n/gm, '');
  const page = { version, date: new Date(epoch * 1000).toISOString().slice(0, 10), sample };
  put('usr/share/man/man8/evergate.8.gz', zipped(commandPage(commands, page)));
  put('usr/share/man/man5/evergate.yaml.5.gz', zipped(configurationPage(page)));

  for (const file of ['README.md', SBOM_FILE, ...globSync('docs/*.{md,json}', { cwd: root })]) {
    copy(file, `${DOCS}/${basename(file)}`);
  }
  for (const file of globSync('docs/how-to/*.md', { cwd: root })) {
    copy(file, `${DOCS}/how-to/${basename(file)}`);
  }
  // Prometheus and Grafana are seldom on a node: these are to be fetched from one.
  for (const file of ['prometheus/evergate-alerts.yml', 'grafana/evergate-dashboard.json']) {
    copy(`packaging/${file}`, `${DOCS}/${file}`);
  }
  put(`${DOCS}/changelog.gz`, zipped(readFileSync(join(root, 'CHANGELOG.md'))));
  const licences = join(tree, PROGRAM, 'dist', LICENCES_FILE);
  put(`${DOCS}/${LICENCES_FILE}.gz`, zipped(readFileSync(licences)));
  rmSync(licences);
}

/** Ordinary files below `tree`, relative to it, sorted. */
export function filesOf(tree: string): readonly string[] {
  return globSync('**', { cwd: tree, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
    .sort();
}
