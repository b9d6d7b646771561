/** The files of several nodes of one cluster, each by itself and held against each other. */

import { type ConfigInputs, inReadingOrder, type LoadedConfig, loadConfig } from './load.ts';
import { readText } from './read-text.ts';
import { FILE_BYTES_MAX } from './sources.ts';

/**
 * `files`: the evergate.yaml of each node; none, and the other files of `inputs` are read. The configuration is that of the
 * first, the diagnostics are those of all.
 */
export async function loadNodes(
  files: readonly string[],
  node: string | null,
  inputs: Omit<ConfigInputs, 'native'>,
): Promise<LoadedConfig> {
  const [first, ...rest] = files;
  if (first === undefined) return loadConfig(inputs);
  const load = (file: string) =>
    loadConfig({ ...inputs, native: { file, node, mustBeNode: false } });
  const loaded = await load(first);
  if (rest.length === 0) return loaded;
  const diagnostics = [...loaded.diagnostics];
  for (const file of rest) diagnostics.push(...(await load(file)).diagnostics);
  // With the libraries that it needs, which the other files do not wait for.
  const { compareFiles } = await import('../config/evergate-yaml/compare-files.ts');
  const texts = files.flatMap((file) => {
    const read = readText(file, FILE_BYTES_MAX);
    return 'text' in read ? [{ file, text: read.text }] : [];
  });
  return { ...loaded, diagnostics: inReadingOrder([...diagnostics, ...compareFiles(texts)]) };
}
