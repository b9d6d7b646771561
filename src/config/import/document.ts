/** The draft as text: YAML with what is to be said about it in comments. */

import { Document, type Node, Pair, YAMLMap, YAMLSeq, Scalar as YamlScalar } from 'yaml';
import { NATIVE_SCHEMA } from '../evergate-yaml/schema.ts';
import type { Block, ImportDraft, Value } from './draft.ts';
import { placeText, type Remark, type RemarkKind } from './remarks.ts';

const COMMENT_WIDTH = 110;
/** Top keys in the order of docs/configuration.md. */
const ORDER = Object.keys(NATIVE_SCHEMA.shape);

/** Lines no longer than the width, the first behind `head`, the others indented as far. */
function wrap(text: string, head: string): readonly string[] {
  const lines: string[] = [];
  let line = head;
  let isFresh = true;
  for (const word of text.split(' ')) {
    if (!isFresh && line.length + 1 + word.length > COMMENT_WIDTH) {
      lines.push(line);
      line = ' '.repeat(head.length);
      isFresh = true;
    }
    line += isFresh ? word : ` ${word}`;
    isFresh = false;
  }
  return [...lines, line];
}

/** Remarks of one sentence, about as many lines as there are, are one. */
function group(remarks: readonly Remark[]): readonly string[] {
  const places = new Map<string, string[]>();
  for (const { place, text } of remarks) {
    const found = places.get(text) ?? [];
    if (place !== null) found.push(placeText(place));
    places.set(text, found);
  }
  return [...places].map(([text, where]) =>
    where.length === 0 ? text : `${where.join(', ')}: ${text}`,
  );
}

const TITLES: Readonly<Record<RemarkKind, string>> = {
  assumed: 'Please look at this, which the old files do not say:',
  changed: 'What is different from before:',
  'left-out': 'Left out, as evergate.yaml has no words for it:',
};

function list(title: string, sentences: readonly string[]): readonly string[] {
  if (sentences.length === 0) return [];
  return ['', ` ${title}`, ...sentences.flatMap((each) => wrap(each, ' - '))];
}

function header(draft: ImportDraft, files: readonly string[]): string {
  const modernised = draft.modernised.map(({ key, text }) => `${key}: ${text}`);
  const kinds = ['assumed', 'changed', 'left-out'] as const;
  const lines = [
    ...wrap(`Made by "evergate import" of ${files.join(', ')}.`, ' '),
    ...wrap('The same file for every node. Next: evergate check --config FILE', ' '),
    ...kinds.flatMap((kind) =>
      list(TITLES[kind], group(draft.remarks.filter((each) => each.kind === kind))),
    ),
    ...list('Defaults that take the place of what was there (--modern):', modernised),
  ];
  return lines.join('\n');
}

function toNode(value: Value, flow: boolean): Node {
  if (value instanceof Map) return toMap(value, flow);
  if (typeof value !== 'object') return new YamlScalar(value);
  const list = new YAMLSeq();
  list.flow = value.every((each) => typeof each !== 'object');
  list.items = value.map((each) => toNode(each, true));
  return list;
}

function toMap(block: Block, flow: boolean): YAMLMap {
  const map = new YAMLMap();
  map.flow = flow;
  for (const [name, entry] of block) {
    const node = toNode(entry.value, flow || entry.flow);
    if (entry.origin !== '' && !flow) node.comment = ` ${entry.origin}`;
    map.items.push(new Pair(new YamlScalar(name), node));
  }
  return map;
}

/** `files`: the old ones, for the head. */
export function render(draft: ImportDraft, files: readonly string[]): string {
  const sorted = [...draft.root].toSorted(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const contents = toMap(new Map(sorted), false);
  const document = new Document(contents);
  document.commentBefore = header(draft, files);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
