/**
 * An import of a module of Node asks for each of its exports, and some of them load a good part of Node: that of
 * node:fs its streams, that of node:module its history of lines that were typed. A package fetches what it uses and
 * nothing else: 2 MB less in the memory of a node (docs/adr/0039). As esbuild writes them, imports are statements at the
 * beginning of a line.
 */

import { isBuiltin } from 'node:module';

const IMPORT = /^import (?:\{([^}]*)\}|(\w+)) from "([^".]+)";/gm;
/** Another form, or one that is not a statement of its own. */
const STRANGE = /^(?:import|export)\b[^;]*?\bfrom "([^".]+)";|^import "([^".]+)";/gm;

/** The text of a file of the bundle, which fetches them first of all, as imports would be. Throws where it asks for a module of Node in a way that is not known here. */
export function fetchBuiltins(file: string, text: string): string {
  const fetched: string[] = [];
  const rest = text.replace(IMPORT, (whole, names: string | undefined, all = '', from = '') => {
    if (!isBuiltin(from)) return whole;
    const wanted = names === undefined ? all : `{ ${names.trim().replaceAll(' as ', ': ')} }`;
    fetched.push(`const ${wanted} = process.getBuiltinModule("${from}");\n`);
    return '';
  });
  for (const [whole, named, bare] of rest.matchAll(STRANGE)) {
    if (isBuiltin(named ?? bare ?? '')) throw new Error(`${file} has "${whole}"`);
  }
  return `${fetched.join('')}${rest}`;
}
