/** The files of several nodes of one cluster, each by itself and held against each other. */

import type { Diagnostic } from '../config/diagnostics.ts';
import { parseHaproxy } from '../config/haproxy/index.ts';
import { assert } from '../core/assert.ts';
import { type ConfigInputs, inReadingOrder, type LoadedConfig, loadConfig } from './load.ts';
import { readText } from './read-text.ts';
import { environment, FILE_BYTES_MAX } from './sources.ts';

export type NodesFiles = {
  /** The evergate.yaml of each node; none, and the other files are read. */
  readonly native: readonly string[];
  readonly node: string | null;
  /** The haproxy.cfg of each node, or one that is the same on all, or none. */
  readonly haproxy: readonly string[];
};

/** The configuration is that of the first files, the diagnostics are those of all. */
export async function loadNodes(
  { native, node, haproxy }: NodesFiles,
  inputs: Omit<ConfigInputs, 'native' | 'haproxy'>,
): Promise<LoadedConfig> {
  if (native.length === 0) return loadOldNodes(haproxy, inputs);
  const load = (file: string) =>
    loadConfig({ ...inputs, haproxy: null, native: { file, node, mustBeNode: false } });
  const { loaded, diagnostics } = await loadEach(native, load);
  if (native.length === 1) return loaded;
  // With the libraries that it needs, which the other files do not wait for.
  const { compareFiles } = await import('../config/evergate-yaml/compare-files.ts');
  diagnostics.push(...compareFiles(textsOf(native)));
  return { ...loaded, diagnostics: inReadingOrder(diagnostics) };
}

async function loadOldNodes(
  haproxy: readonly string[],
  inputs: Omit<ConfigInputs, 'native' | 'haproxy'>,
): Promise<LoadedConfig> {
  const [first = null, ...rest] = haproxy;
  const loaded = await loadConfig({ ...inputs, haproxy: first });
  if (rest.length === 0) return loaded;
  // Which files and names the machines of the others have is not known here.
  const elsewhere = { ...inputs, keepalived: [], checkMachine: false };
  const others = await loadEach(rest, (file) => loadConfig({ ...elsewhere, haproxy: file }));
  const diagnostics = [
    ...loaded.diagnostics,
    ...others.diagnostics,
    ...(await compareBalancers(haproxy, inputs.leaveOut)),
  ];
  return { ...loaded, diagnostics: inReadingOrder(diagnostics) };
}

async function loadEach(files: readonly string[], load: (file: string) => Promise<LoadedConfig>) {
  const all: LoadedConfig[] = [];
  for (const file of files) all.push(await load(file));
  const [loaded] = all;
  assert(loaded !== undefined, 'there are files');
  return { loaded, diagnostics: all.flatMap(({ diagnostics }) => diagnostics) };
}

/** Those that can be read; of the others it is told elsewhere. */
function textsOf(files: readonly string[]) {
  return files.flatMap((file) => {
    const read = readText(file, FILE_BYTES_MAX);
    return 'text' in read ? [{ file, text: read.text }] : [];
  });
}

async function compareBalancers(
  files: readonly string[],
  leaveOut: readonly string[] | undefined,
): Promise<readonly Diagnostic[]> {
  // A run has one of them, and needs none of this.
  const { lintBalancersDiffer } = await import('../config/lint-balancers-differ.ts');
  const { HaproxyLines } = await import('../config/import/haproxy-lines.ts');
  const env = environment();
  const balancers = textsOf(files).flatMap(({ file, text }) => {
    const { config } = parseHaproxy(file, text, env, leaveOut);
    return config === null ? [] : [{ file, config, lines: new HaproxyLines(file, text, env) }];
  });
  return lintBalancersDiffer(balancers);
}
