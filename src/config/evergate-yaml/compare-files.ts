/**
 * The evergate.yaml files that nodes of one cluster have: they should say the same, key by key. What a key means counts,
 * not how it is written; a key that one file leaves to its default is equal to that value.
 */

import type { Diagnostic, DiagnosticCode, Severity } from '../diagnostics.ts';
import { createReport, type Place } from '../haproxy/report.ts';
import { withoutInvisible } from '../text.ts';
import { readFile } from './read-file.ts';
import { keyPlace, type Path, parseTree, type Tree, treeAt } from './tree.ts';

export type NodesFile = { readonly file: string; readonly text: string };

type Read = { readonly file: string; readonly tree: Tree; readonly values: unknown };

/** Keys, with all that is below them, that keep nodes from hearing each other, or have each hold another VIP. */
const SPLITTING = ['vip', 'vrrp.router-id', 'vrrp.transport', 'vrrp.key'];
/** An error, too: whom a node asks, and which priority it has. */
const NODES = 'nodes';
/** Their values are not told. */
const SECRET = /^stats\.users\./;

/** null: it cannot be read, which is told elsewhere. */
function read({ file, text }: NodesFile): Read | null {
  const report = createReport(file);
  const clean = withoutInvisible(text);
  const tree = parseTree(clean, report);
  const values = tree === null ? null : readFile(report, tree, clean);
  return tree === null || values === null ? null : { file, tree, values };
}

function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step))
      return undefined;
    return (value as Readonly<Record<string, unknown>>)[step];
  }, values);
}

/** null: the file does not have the key. */
function written(tree: Tree, path: Path): Tree | null {
  let at = tree;
  for (const step of path) {
    const next = at.kind === 'map' ? at.entries.get(String(step)) : undefined;
    if (next === undefined) return null;
    at = next.value;
  }
  return at;
}

/** Of where the key stands, or what would hold it. */
function placeOf({ tree }: Read, path: Path): Place {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    if (written(tree, part) !== null) return keyPlace(tree, part);
  }
  return treeAt(tree, []).place;
}

/** Values of the schema: plain data, the keys of its blocks in one order. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Every path at which the two mean something else, as deep as one of them has a block. */
function differences(here: Read, other: Read, path: Path): readonly Path[] {
  if (isSame(valueAt(here.values, path), valueAt(other.values, path))) return [];
  const trees = [written(here.tree, path), written(other.tree, path)];
  const isBlock = trees.every((tree) => tree === null || tree.kind === 'map');
  if (!isBlock) return [path];
  const keys = trees.flatMap((tree) => (tree?.kind === 'map' ? [...tree.entries.keys()] : []));
  // None where only the order of keys differs: otherOrder().
  return [...new Set(keys)].flatMap((key) => differences(here, other, [...path, key]));
}

function describe(from: Read, path: Path): string {
  const tree = written(from.tree, path);
  if (tree === null) return 'not given';
  if (SECRET.test(path.join('.'))) return 'another';
  return tree.kind === 'scalar' ? `${tree.value}` : JSON.stringify(plain(tree));
}

function plain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]));
}

function judge(path: Path): { readonly severity: Severity; readonly code: DiagnosticCode } {
  const name = path.join('.');
  if (SPLITTING.includes(name)) return { severity: 'error', code: 'split-brain' };
  return { severity: path[0] === NODES ? 'error' : 'warning', code: 'nodes-differ' };
}

function differs(here: Read, other: Read, path: Path): Diagnostic {
  const { line, column } = placeOf(here, path);
  const { line: theirs } = placeOf(other, path);
  const text =
    `"${path.join('.')}" is ${describe(here, path)} here, and ${describe(other, path)} in ${other.file}:${theirs}; ` +
    'give all nodes the same file';
  return { file: here.file, line, column, text, ...judge(path) };
}

/** Priorities follow the order of nodes, where they are not given. */
function otherOrder(here: Read, other: Read): readonly Diagnostic[] {
  const [ours, theirs] = [here, other].map(({ values }) =>
    Object.keys((valueAt(values, [NODES]) ?? {}) as object),
  );
  if (isSame(ours, theirs) || !isSame(ours?.toSorted(), theirs?.toSorted())) return [];
  const { line, column } = placeOf(here, [NODES]);
  const text =
    `"nodes" stand in another order than in ${other.file}:${placeOf(other, [NODES]).line}: priorities follow it, and two ` +
    'nodes may have the same; give all nodes the same file';
  return [{ file: here.file, line, column, severity: 'error', text, code: 'nodes-differ' }];
}

/** Each file is held against the first that can be read. */
export function compareFiles(files: readonly NodesFile[]): readonly Diagnostic[] {
  const [first, ...rest] = files.map(read).filter((each) => each !== null);
  if (first === undefined) return [];
  return rest.flatMap((here) => [
    ...differences(here, first, []).map((path) => differs(here, first, path)),
    ...otherOrder(here, first),
  ]);
}
