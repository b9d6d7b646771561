/** Values that fit a shape, and values that are one mutation away from them: what a captured process may say. */

import fc from 'fast-check';
import type { Rule } from '../../src/core/shape.ts';

/** Lists and texts of these are short, so that many are made; those at their limits have tests of their own. */
const ITEMS_MAX = 3;
const CHARS_MAX = 12;

/** Any code point that is no half of a surrogate pair: as the unit "binary", which takes a second to be made. */
export const ANY_CHARACTER: fc.Arbitrary<string> = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

/** Values that fit. */
export function anyFitting(rule: Rule): fc.Arbitrary<unknown> {
  switch (rule.kind) {
    case 'boolean':
      return fc.boolean();
    case 'number':
      return anyNumber(rule);
    case 'text':
      return fc.string({ unit: ANY_CHARACTER, maxLength: Math.min(rule.charsMax, CHARS_MAX) });
    case 'one-of':
      return fc.constantFrom(...rule.values);
    case 'nullable':
      return fc.option(anyFitting(rule.of));
    case 'list':
      return fc.array(anyFitting(rule.of), { maxLength: Math.min(rule.itemsMax, ITEMS_MAX) });
    case 'record':
      return anyRecord(rule);
  }
}

function anyNumber({ min, max, whole }: Extract<Rule, { kind: 'number' }>): fc.Arbitrary<number> {
  return whole
    ? fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
    : fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(min, max));
}

function anyRecord({ fields }: Extract<Rule, { kind: 'record' }>): fc.Arbitrary<unknown> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  const requiredKeys: string[] = [];
  for (const [name, { rule, optional }] of Object.entries(fields)) {
    model[name] = anyFitting(rule);
    if (!optional) requiredKeys.push(name);
  }
  return fc.record(model, { requiredKeys });
}

/** What may stand where something else should: of every type JSON has, and of hostile sizes. */
const STRANGE: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0.5, 1e308, 2 ** 53, '', '\u001b[2J', [], {}, [[[]]]),
  fc.constantFrom<unknown>(
    { __proto__: null, length: 5 },
    'x'.repeat(100_000),
    Array(1000).fill(0),
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/**
 * One place of a value is replaced, removed or given something more. What comes may fit after all: it is for
 * the parser to know.
 */
export function anyMutated(fitting: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(fitting, fc.nat(), STRANGE, fc.constantFrom('replace', 'remove', 'add'))
    .map(([value, place, strange, how]) => {
      const root = { value: structuredClone(value) };
      const places = placesOf(root, 'value');
      const chosen = places[place % places.length];
      if (chosen !== undefined) mutate(chosen, strange, how);
      return root.value;
    });
}

type Place = { readonly holder: Record<string, unknown>; readonly key: string };

function placesOf(holder: object, key: string): readonly Place[] {
  const inside = holder as Record<string, unknown>;
  const value = inside[key];
  const here = [{ holder: inside, key }];
  if (typeof value !== 'object' || value === null) return here;
  return [...here, ...Object.keys(value).flatMap((name) => placesOf(value, name))];
}

function mutate({ holder, key }: Place, strange: unknown, how: string): void {
  const value = holder[key];
  if (how === 'remove') delete holder[key];
  else if (how === 'add' && typeof value === 'object' && value !== null) {
    (value as Record<string, unknown>)[Array.isArray(value) ? value.length : 'more'] = strange;
  } else holder[key] = strange;
}
