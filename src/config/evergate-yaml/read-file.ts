/** From the tree of an evergate.yaml to its checked values: the schema's complaints get their places. */

import type { z } from 'zod';
import type { Report } from '../haproxy/report.ts';
import { unknownKey } from './known-keys.ts';
import { isName, NAME_LENGTH_MAX, NATIVE_SCHEMA, type NativeFile } from './schema.ts';
import { keyPlace, type Path, type Tree, toPlain, treeAt } from './tree.ts';
import { show } from './values.ts';

type Issue = z.core.$ZodIssue;

/** Blocks whose keys are names that the file chooses. */
const NAMED_BLOCKS: Readonly<Record<string, string>> = {
  nodes: 'a node',
  servers: 'a server',
};

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

function reportIssue(report: Report, tree: Tree, issue: Issue, path: Path): void {
  const at = treeAt(tree, path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      report.error(keyPlace(tree, [...path, key]), 'unknown-directive', unknownKey(path, key));
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
          : `"${name}": ${show(value)} is not ${wanted}`;
    report.error(at.place, 'bad-value', text);
    return;
  }
  const colon = issue.message.startsWith('is ') ? '' : ':';
  report.error(at.place, 'bad-value', `"${name}"${colon} ${issue.message}`);
}

/** Names of nodes and servers; a record's own complaint would come without a place. */
function checkNames(report: Report, tree: Tree): void {
  for (const [block, what] of Object.entries(NAMED_BLOCKS)) {
    const names = treeAt(tree, [block]);
    if (names === tree || names.kind !== 'map') continue;
    for (const [name, { place }] of names.entries) {
      if (isName(name)) continue;
      const text =
        `"${name}" cannot name ${what}; use letters, digits, ".", "-" and "_", not digits alone, ` +
        `at most ${NAME_LENGTH_MAX}`;
      report.error(place, 'bad-value', text);
    }
  }
}

/** null after an error, which is reported. */
export function readFile(report: Report, tree: Tree): NativeFile | null {
  checkNames(report, tree);
  const result = NATIVE_SCHEMA.safeParse(toPlain(tree));
  if (result.success) return report.failed() ? null : result.data;
  for (const issue of result.error.issues) {
    for (const { issue: each, path } of flatten(issue, [])) reportIssue(report, tree, each, path);
  }
  return null;
}
