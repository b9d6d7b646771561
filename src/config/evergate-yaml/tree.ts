/**
 * YAML 1.2 (yaml.org/spec/1.2.2, core schema) to plain values, with the place of every key and value.
 * Bounded: depth, number of nodes, and aliases, which count each time they are used.
 */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import type { Place, Report } from '../haproxy/report.ts';
import { openBracket } from './brackets.ts';
import { layoutProblems } from './layout.ts';

const DEPTH_MAX = 16;
const NODES_MAX = 20_000;

export type Scalar = string | number | boolean | null;

/** A value as the file has it; an alias stands as a copy of what it refers to, at its own place. */
export type Tree = { readonly place: Place } & (
  | { readonly kind: 'scalar'; readonly value: Scalar }
  | { readonly kind: 'list'; readonly items: readonly Tree[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Entry> }
);

export type Entry = { readonly place: Place; readonly value: Tree };

export type Path = readonly (string | number)[];

/** Sentences for the mistakes that are made most; the parser's own serve for the rest. */
const SENTENCES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'A tab indents this line; YAML takes spaces only',
  MULTIPLE_DOCS: 'A second document begins here; keep to one in a file',
  BAD_COLLECTION_TYPE: 'This block has a tag that does not fit it; remove the tag',
  TAG_RESOLVE_FAILED: 'The tag is not known here; remove it',
};

/** What the parser says of a "{" or "[" without its end. */
const UNCLOSED = /^Flow (map|sequence) (in block collection )?must /;

/** null after an error that leaves nothing to read on; it is reported, as others are. */
export function parseTree(text: string, report: Report): Tree | null {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: false,
    logLevel: 'error',
    keepSourceTokens: false,
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const complaints = [...document.errors, ...document.warnings];
  if (complaints.length === 0) return new Reader(placeOf, report).read(document);
  const causes = layoutProblems(text);
  // Not by spreading them: there may be as many as bytes.
  const first = complaints.reduce((least, { pos }) => Math.min(least, pos[0]), text.length);
  const firstLine = placeOf(first).line;
  const known = complaints.some(({ code }) => Object.hasOwn(SENTENCES, code));
  // YAML complains of what it took such a line for, there or in the line before it.
  if (!known && causes.some(({ place }) => place.line <= firstLine + 1)) {
    for (const { place, text: why } of causes) report.error(place, 'syntax-error', why);
    return null;
  }
  const bracket = complaints.some(({ message }) => UNCLOSED.test(message))
    ? openBracket(text)
    : null;
  if (bracket !== null) {
    // What comes behind it was read as a part of it.
    for (const { code, message, pos } of complaints) {
      const place = placeOf(pos[0]);
      if (isBefore(place, bracket.place)) reportComplaint(code, message, place, report);
    }
    report.error(bracket.place, 'syntax-error', bracket.text);
    return null;
  }
  for (const { code, message, pos } of complaints) {
    reportComplaint(code, message, placeOf(pos[0]), report);
  }
  return null;
}

function reportComplaint(code: string, message: string, place: Place, report: Report): void {
  const own = message.split('\n')[0]?.replace(/[.:]$/, '') ?? '';
  report.error(place, 'syntax-error', SENTENCES[code] ?? own);
}

function isBefore(a: Place, b: Place): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column);
}

class Reader {
  readonly #placeOf: (offset: number) => Place;
  readonly #report: Report;
  // An alias means the last node of its name before it; looking for it in the document takes as long as
  // the document is.
  readonly #anchors = new Map<string, unknown>();
  #nodes = 0;
  #exhausted = false;

  constructor(placeOf: (offset: number) => Place, report: Report) {
    this.#placeOf = placeOf;
    this.#report = report;
  }

  read(document: Document): Tree | null {
    const tree = this.#convert(document.contents, { line: 1, column: 1 }, null, 0);
    return this.#exhausted ? null : tree;
  }

  /** `at`: where an alias stands, whose copy takes over its place; null outside of aliases. */
  #convert(node: unknown, near: Place, at: Place | null, depth: number): Tree {
    const place = at ?? this.#place(node, near);
    const empty: Tree = { place, kind: 'scalar', value: null };
    this.#nodes += 1;
    if (depth > DEPTH_MAX || this.#nodes > NODES_MAX) {
      const text =
        depth > DEPTH_MAX
          ? `Blocks are nested deeper than ${DEPTH_MAX}, or an alias refers to itself`
          : `The file, its aliases followed, holds more than ${NODES_MAX} values`;
      if (!this.#exhausted) this.#report.error(place, 'syntax-error', text);
      this.#exhausted = true;
      return empty;
    }
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target !== undefined) return this.#convert(target, place, place, depth + 1);
      const text =
        `No anchor "&${node.source}" stands before this alias; ` +
        'a value that begins with "*" needs quotes';
      this.#report.error(place, 'unknown-name', text);
      return empty;
    }
    if (at === null) this.#noteAnchor(node);
    if (isMap(node)) return this.#convertMap(node, place, at, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.#convert(item, place, at, depth + 1));
      return { place, kind: 'list', items };
    }
    const value = isScalar(node) ? node.value : null;
    return { place, kind: 'scalar', value: toScalar(value) };
  }

  #convertMap(map: YAMLMap, place: Place, at: Place | null, depth: number): Tree {
    const entries = new Map<string, Entry>();
    for (const { key, value } of map.items) {
      const keyPlace = at ?? this.#place(key, place);
      if (!isScalar(key)) {
        const text = 'A key must be a word; quote what begins with "{", "[", "*" or "&"';
        this.#report.error(keyPlace, 'syntax-error', text);
        continue;
      }
      if (at === null) this.#noteAnchor(key);
      const name = key.source ?? String(key.value);
      const earlier = entries.get(name);
      if (earlier !== undefined) {
        const where = `line ${earlier.place.line}`;
        const text = `"${name}" is given twice, first in ${where}; keep one of them`;
        this.#report.error(keyPlace, 'duplicate-name', text);
        continue;
      }
      const child = this.#convert(value, keyPlace, at, depth + 1);
      entries.set(name, { place: keyPlace, value: child });
    }
    return { place, kind: 'map', entries };
  }

  #noteAnchor(node: unknown): void {
    const anchor = (node as { readonly anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, node);
  }

  #place(node: unknown, near: Place): Place {
    const range = (node as Node | null)?.range;
    return range === null || range === undefined ? near : this.#placeOf(range[0]);
  }
}

/** Whole numbers beyond 2^53 and the like stay numbers: the schema's limits refuse them. */
function toScalar(value: unknown): Scalar {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return value === null || value === undefined ? null : String(value);
}

/** As JSON.parse() would give it; keys such as "__proto__" are own properties. */
export function toPlain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toPlain);
  return Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, toPlain(value)]));
}

/** The deepest part of the tree on the way to `path`. */
export function treeAt(tree: Tree, path: Path): Tree {
  let at = tree;
  for (const step of path) {
    const next = childOf(at, step);
    if (next === null) return at;
    at = next;
  }
  return at;
}

function childOf(tree: Tree, step: string | number): Tree | null {
  if (tree.kind === 'map') return tree.entries.get(String(step))?.value ?? null;
  if (tree.kind === 'list') return tree.items[Number(step)] ?? null;
  return null;
}

/** Where the key at the end of `path` stands, or the value for the item of a list. */
export function keyPlace(tree: Tree, path: Path): Place {
  const parent = treeAt(tree, path.slice(0, -1));
  const last = path.at(-1);
  const entry = parent.kind === 'map' ? parent.entries.get(String(last)) : undefined;
  return entry?.place ?? treeAt(tree, path).place;
}
