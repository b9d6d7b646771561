/**
 * No function is longer than one can keep in mind. What is passed to describe() is a list of tests and no
 * function in this sense. Read with oxc-parser: TypeScript 7 gives its compiler API to nobody yet, and the
 * parser comes with knip anyway.
 */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseSync } from 'oxc-parser';

const LINES_MAX = 70;

/** Longer ones, by file and name, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'test/interop/checks-parity.test.ts: createCases':
    'a table of cases, with the servers that each needs',
  'test/interop/checks-server-logs.test.ts: a server that drains, fails and comes back reads as with HAProxy 2.6':
    'one story, whose set-up is a configuration for two programs',
};

type Node = { readonly type: string; readonly start: number; readonly end: number };
type Found = { readonly name: string; readonly lines: number };

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** The functions of a source text, those inside others too, with their lines. */
function functionsOf(file: string, text: string): readonly Found[] {
  const { program, errors } = parseSync(file, text);
  assert.deepEqual(errors, [], file);
  const found: Found[] = [];
  const visit = (value: unknown, around: readonly Record<string, unknown>[]): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, around);
    if (!isNode(value)) return;
    const name = nameOf(value, around);
    if (FUNCTIONS.includes(value.type) && name !== 'describe') {
      found.push({ name, lines: text.slice(value.start, value.end).split('\n').length });
    }
    for (const child of Object.values(value)) visit(child, [value, ...around]);
  };
  visit(program, []);
  return found;
}

function isNode(value: unknown): value is Node & Record<string, unknown> {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** Of a declaration its own, else that of what it is the value of; of a callback what it is passed to. */
function nameOf(
  node: Record<string, unknown>,
  [parent]: readonly Record<string, unknown>[],
): string {
  const called = parent?.arguments as readonly Record<string, unknown>[] | undefined;
  if (called?.includes(node) === true) {
    const callee = labelOf(parent?.callee);
    const title = labelOf(called[0]);
    return callee === 'test' || callee === 'it' ? title : callee;
  }
  return labelOf(node.id) || labelOf(parent?.key) || labelOf(parent?.id) || 'without a name';
}

function labelOf(node: unknown): string {
  const { name, value, property } = (node ?? {}) as Readonly<Record<string, unknown>>;
  return String(name ?? value ?? (property === undefined ? '' : labelOf(property)));
}

describe('functions', () => {
  const files = globSync('{src,sim,test,bench,tools}/**/*.ts');
  const found = files.flatMap((file) =>
    functionsOf(file, readFileSync(file, 'utf8')).map((each) => ({
      ...each,
      place: `${file}: ${each.name}`,
    })),
  );
  const long = found.filter(({ lines }) => lines > LINES_MAX);

  it('are found', () => {
    assert.ok(found.length > 4000, String(found.length));
    const text =
      'class A { b() {\n} }\nconst c = () => 1;\ntest("d", () => {\n\n});\nfunction e() {}';
    assert.deepEqual(functionsOf('some.ts', text), [
      { name: 'b', lines: 2 },
      { name: 'c', lines: 1 },
      { name: 'd', lines: 3 },
      { name: 'e', lines: 1 },
    ]);
  });

  it(`have ${LINES_MAX} lines at most, where no reason says otherwise`, () => {
    const offences = long
      .filter(({ place }) => EXCEPTIONS[place] === undefined)
      .map(({ place, lines }) => `${place}: ${lines} lines`);
    assert.deepEqual(offences, []);
  });

  it('have no reason for a length that is gone', () => {
    const places = long.map(({ place }) => place);
    assert.deepEqual(
      Object.keys(EXCEPTIONS).filter((place) => !places.includes(place)),
      [],
    );
  });
});
