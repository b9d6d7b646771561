/**
 * The program as a few files of JavaScript: one for src/main.ts, one for every thread and process that the program
 * starts, and what some of them load when they come to it. They lie side by side in one folder, so that each finds the others, and
 * koffi's binary, wherever a module has ended up (docs/adr/0016).
 */

import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join, relative } from 'node:path';
import { type BuildResult, build, type Metafile, type Plugin } from 'esbuild';
import { fetchBuiltins } from './builtin-imports.ts';
import { bundledName, rewriteReferences } from './file-references.ts';

const MAIN = 'src/main.ts';
/** koffi's list of binaries that a bundler may follow; ours is the one beside the bundle. */
const KOFFI_STATIC = /\/koffi\/src\/koffi\/src\/static\.js$/;
const MAKE_REQUIRE = "process.getBuiltinModule('node:module').createRequire(import.meta.url)";
const KOFFI_LOADER = `export const loadStatic = () => ${MAKE_REQUIRE}('./koffi.node');\n`;
/** Packages of CommonJS ask for Node's modules by require(), which a module does not have by itself. */
const REQUIRE = `const require = ${MAKE_REQUIRE};`;
/** A file that starts another one may itself be started: rounds until no new one is found. */
const ROUNDS_MAX = 10;

type Built = BuildResult<{ metafile: true; write: false }>;

export type Bundle = {
  readonly outputs: readonly { readonly path: string; readonly contents: Uint8Array }[];
  /** Source files that threads and processes begin with, src/main.ts first. */
  readonly entries: readonly string[];
  /** Source files, relative to the root, that are in it. */
  readonly sources: readonly string[];
  /** Names of the npm packages that are in it. */
  readonly packages: readonly string[];
};

/** `packed`: the "files" of package.json. Rejects when the sources do not fit together. */
export async function bundle(root: string, packed: readonly string[]): Promise<Bundle> {
  const entries = new Set([MAIN]);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const known = entries.size;
    // Each by itself: what two of them share would be one file more for both, a millisecond of each start.
    const built = await Promise.all(
      [...entries].map((entry) => buildEntry(root, packed, entry, entries)),
    );
    if (entries.size > known) continue;
    for (const { metafile } of built) refuseImports(metafile);
    const inputs = [...new Set(built.flatMap(({ metafile }) => Object.keys(metafile.inputs)))];
    const packages = inputs.flatMap((input) => {
      const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      return name === undefined ? [] : [name];
    });
    return {
      outputs: built
        .flatMap(({ outputFiles }) => outputFiles)
        .map(({ path, text }) => ({
          path,
          contents: Buffer.from(fetchBuiltins(basename(path), text)),
        })),
      entries: [...entries],
      sources: inputs.filter((input) => !input.startsWith('node_modules/')),
      packages: [...new Set(packages)].sort(),
    };
  }
  throw new Error(`The program starts files that start files, ${ROUNDS_MAX} deep`);
}

/** Adds the files that the sources refer to to `found`. */
async function buildEntry(
  root: string,
  packed: readonly string[],
  entry: string,
  found: Set<string>,
): Promise<Built> {
  const references: Plugin = {
    name: 'file-references',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(root, path);
        const { text, started } = rewriteReferences(file, await readFile(path, 'utf8'), packed);
        for (const each of started) found.add(each);
        return { contents: text, loader: 'ts' };
      });
      onLoad({ filter: KOFFI_STATIC }, () => ({ contents: KOFFI_LOADER, loader: 'js' }));
    },
  };
  return await build({
    absWorkingDir: root,
    entryPoints: [{ in: entry, out: bundledName(entry) }],
    outdir: join(root, 'dist'),
    write: false,
    bundle: true,
    // Parts that only some commands, or some files, need.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    // The engine keeps a text with one wider character in twice the memory.
    charset: 'ascii',
    banner: { js: REQUIRE },
    // They are in a file of their own, whole.
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    plugins: [references],
  });
}

/** The bundle may ask for nothing but Node's own modules. */
function refuseImports(metafile: Metafile): void {
  for (const [output, { imports }] of Object.entries(metafile.outputs)) {
    for (const { path, external } of imports) {
      if (external !== true || isBuiltin(path)) continue;
      throw new Error(`${output} imports "${path}", which is not in it`);
    }
  }
}
