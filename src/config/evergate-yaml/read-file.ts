/** From the tree of an evergate.yaml to its checked values: the schema's complaints get their places. */

import type * as z from 'zod';
import type { Report } from '../haproxy/report.ts';
import { lineOf, meantKey, unknownKey } from './known-keys.ts';
import { gluedKeys } from './layout.ts';
import { isName, NAME_LENGTH_MAX, NATIVE_SCHEMA, type NativeText } from './schema.ts';
import { NAMED_BLOCKS, strayKeys } from './stray-keys.ts';
import { keyPlace, type Path, type Tree, toPlain, treeAt } from './tree.ts';
import { show } from './values.ts';

type Issue = z.core.$ZodIssue;

function toPath(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

/** Of a value that may be several things, the complaints about the one it most likely is. */
function likelyBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const within = branches.find((issues) => issues.some(({ path }) => path.length > 0));
  const fitting = branches.find((issues) =>
    issues.some(({ code }) => code !== 'invalid_type' && code !== 'invalid_union'),
  );
  return within ?? fitting ?? null;
}

/** Complaints with whole paths, alternatives decided. */
function flatten(issue: Issue, parent: Path): readonly { issue: Issue; path: Path }[] {
  const path = [...parent, ...toPath(issue.path)];
  if (issue.code !== 'invalid_union') return [{ issue, path }];
  const branch = likelyBranch(issue.errors);
  const first = branch ?? issue.errors[0];
  if (first === undefined || (branch === null && issue.message !== 'Invalid input')) {
    return [{ issue, path }];
  }
  return first.flatMap((each) => flatten(each, path));
}

function nameOf(path: Path): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step + 1}]` : `${index > 0 ? '.' : ''}${step}`,
    )
    .join('');
}

/** How lines that are no block would be one. */
function asBlock(name: string, value: Tree): string {
  if (!Object.hasOwn(NAMED_BLOCKS, name)) {
    return value.kind === 'list' ? '; write its lines without "-"' : '';
  }
  return `; give each its name and its own line: write "  ${exampleOf(value)}"`;
}

/** The first item of what should be a block of names, as that block would have it. */
function exampleOf(value: Tree): string {
  const item = value.kind === 'list' ? value.items[0] : value;
  if (item?.kind === 'map') {
    const [name, address] = ['name', 'address'].map((key) => item.entries.get(key)?.value);
    if (name?.kind === 'scalar' && address !== undefined) return lineOf(`${name.value}`, address);
    const [first] = item.entries;
    if (first !== undefined) return lineOf(first[0], first[1].value);
  }
  return value.kind === 'list' && item !== undefined ? lineOf('NAME', item) : 'NAME: ADDRESS';
}

function reportIssue(report: Report, tree: Tree, issue: Issue, path: Path): void {
  const at = treeAt(tree, path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const text = unknownKey(path, key, treeAt(tree, [...path, key]));
      report.error(keyPlace(tree, [...path, key]), 'unknown-directive', text);
    }
    return;
  }
  const name = nameOf(path);
  const parent = treeAt(tree, path.slice(0, -1));
  const present =
    path.length === 0 || parent.kind !== 'map' || parent.entries.has(String(path.at(-1)));
  if (!present) {
    const where = path.length === 1 ? parent.place : keyPlace(tree, path.slice(0, -1));
    const text = `"${name}" is missing; add a line "${path.at(-1)}: ..."`;
    report.error(where, 'missing-value', text);
    return;
  }
  const value = toPlain(at);
  if (issue.code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected)) {
    const wanted = issue.expected === 'array' ? 'a list' : 'a block of keys';
    const text =
      path.length === 0
        ? `The file holds ${show(value)}, not ${wanted}; begin with "nodes:"`
        : value === null
          ? `"${name}" is empty; give ${wanted}, or remove the line`
          : `"${name}": ${show(value)} is not ${wanted}${asBlock(name, at)}`;
    report.error(at.place, 'bad-value', text);
    return;
  }
  const colon = issue.message.startsWith('is ') ? '' : ':';
  report.error(at.place, 'bad-value', `"${name}"${colon} ${issue.message}`);
}

/** Names of nodes, servers and services; a record's own complaint would come without a place. */
function checkNames(report: Report, tree: Tree): void {
  const services = treeAt(tree, ['services']);
  const named = services === tree || services.kind !== 'map' ? [] : [...services.entries.keys()];
  const blocks: (readonly [Path, string])[] = [
    ...Object.entries(NAMED_BLOCKS).map(([block, what]) => [[block], what] as const),
    ...named.map((name) => [['services', name, 'servers'], 'a server'] as const),
  ];
  for (const [path, what] of blocks) {
    const parent = treeAt(tree, path.slice(0, -1));
    const names = treeAt(tree, path);
    if (names === parent || names.kind !== 'map') continue;
    for (const [name, { place }] of names.entries) {
      if (isName(name)) continue;
      const text =
        `"${name}" cannot name ${what}; use letters, digits, ".", "-" and "_", not digits alone, ` +
        `at most ${NAME_LENGTH_MAX}`;
      report.error(place, 'bad-value', text);
    }
  }
}

/** One complaint for each block that lacks its indentation: what stands at the margin is not read as the block's. */
function reportStrays(report: Report, tree: Tree, strays: ReadonlyMap<string, string>): void {
  for (const section of new Set(strays.values())) {
    const [key = ''] = [...strays].find(([, block]) => block === section) ?? [];
    const line = lineOf(key, treeAt(tree, [key]));
    const text = `"${key}" belongs to "${section}", whose lines are indented; write "  ${line}"`;
    report.error(keyPlace(tree, [key]), 'unknown-directive', text);
  }
}

/** What is not there, or empty, because it is misspelt or not indented: another complaint says so. */
function isSaid(tree: Tree, path: Path, said: ReadonlySet<string>): boolean {
  if (!said.has(nameOf(path))) return false;
  const parent = treeAt(tree, path.slice(0, -1));
  const given = parent.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined;
  return given === undefined || toPlain(given.value) === null;
}

/** null after an error, which is reported. `text`: that of the tree. */
export function readFile(report: Report, tree: Tree, text: string): NativeText | null {
  const result = NATIVE_SCHEMA.safeParse(toPlain(tree));
  const glued = result.success ? [] : gluedKeys(text);
  for (const { place, text: why } of glued) report.error(place, 'syntax-error', why);
  if (glued.length > 0) return null;
  checkNames(report, tree);
  if (result.success) return report.failed() ? null : result.data;
  const strays = strayKeys(tree);
  reportStrays(report, tree, strays);
  const issues = result.error.issues.flatMap((issue) => flatten(issue, []));
  const said = new Set(strays.values());
  for (const { issue, path } of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    for (const key of issue.keys) said.add(nameOf([...path, meantKey(path, key) ?? '']));
  }
  for (const { issue, path } of issues) {
    if (issue.code === 'unrecognized_keys' && path.length === 0) {
      const keys = issue.keys.filter((key) => !strays.has(key));
      reportIssue(report, tree, { ...issue, keys }, path);
    } else if (!isSaid(tree, path, said)) {
      reportIssue(report, tree, issue, path);
    }
  }
  return null;
}
