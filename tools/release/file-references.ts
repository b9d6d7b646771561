/**
 * `new URL('./thread.ts', import.meta.url)` is how a source file names another file that it starts or reads,
 * and what Node, editors and bundlers understand; esbuild is the one that does not, so it is done here. In the
 * bundle all code lies in one folder, dist/, beside nothing else of the package.
 */

import { posix } from 'node:path';

const REFERENCE = /new URL\(\s*'([^']+)',\s*import\.meta\.url,?\s*\)/g;

export type Rewritten = {
  readonly text: string;
  /** Source files that a thread or a process begins with. */
  readonly started: readonly string[];
};

/** 'src/guardian/reaper/main.ts' -> 'guardian-reaper-main', the name without its extension. */
export function bundledName(source: string): string {
  return source
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .replaceAll('/', '-');
}

/**
 * The text of source file `file` (relative to the root), with its references as they must be in dist/. Throws
 * when a file it names is not in the package, or when it asks for its own place in any other way.
 */
export function rewriteReferences(
  file: string,
  source: string,
  packed: readonly string[],
): Rewritten {
  const started: string[] = [];
  if (/import\.meta/.test(source.replace(REFERENCE, ''))) {
    throw new Error(`${file} uses import.meta other than in new URL('...', import.meta.url)`);
  }
  const text = source.replace(REFERENCE, (_whole, reference: string) => {
    const target = posix.join(posix.dirname(file), reference);
    if (target.endsWith('.ts')) {
      started.push(target);
      return `new URL('./${bundledName(target)}.js', import.meta.url)`;
    }
    if (!packed.some((path) => target === path || target.startsWith(`${path}/`))) {
      throw new Error(`${file} refers to ${target}, which "files" of package.json leaves out`);
    }
    return `new URL('../${target}', import.meta.url)`;
  });
  return { text, started };
}
