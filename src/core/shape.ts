/**
 * What a value from outside has to look like: kinds, ranges, lengths. A shape is data, so that it can be read
 * as a table, checked, and mutated by tests; there is no default, no conversion and no way to let a field pass
 * that is not named.
 *
 * A shape is tied to its type both ways: one that takes less than the type, or more, does not compile.
 */

import { fail, ok, type Result } from './result.ts';

export type Rule =
  | { readonly kind: 'boolean' }
  /** Finite, from `min` to `max`. */
  | {
      readonly kind: 'number';
      readonly min: number;
      readonly max: number;
      readonly whole: boolean;
    }
  /** At most `charsMax` UTF-16 units. */
  | { readonly kind: 'text'; readonly charsMax: number }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'nullable'; readonly of: Rule }
  | { readonly kind: 'list'; readonly of: Rule; readonly itemsMax: number }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, FieldRule>> };

type FieldRule = { readonly rule: Rule; readonly optional: boolean };

export type Shape<Value> = {
  readonly rule: Rule;
  /** Never there: it keeps shapes of other types from being taken for this one. */
  readonly of?: (value: Value) => Value;
};

type OptionalField<Value> = { readonly shape: Shape<Value> };

type AnyField = { readonly rule: Rule } | { readonly shape: { readonly rule: Rule } };

type FieldOf<Type, Key extends keyof Type> =
  Record<never, never> extends Pick<Type, Key>
    ? OptionalField<Exclude<Type[Key], undefined>>
    : Shape<Type[Key]>;

export type FieldsOf<Type> = { readonly [Key in keyof Type]-?: FieldOf<Type, Key> };

/** Characters of an unknown field's name that a reason quotes. */
const QUOTED_MAX = 40;

export const FLAG: Shape<boolean> = { rule: { kind: 'boolean' } };

export function number(min: number, max: number): Shape<number> {
  return { rule: { kind: 'number', min, max, whole: false } };
}

export function integer(min: number, max: number): Shape<number> {
  return { rule: { kind: 'number', min, max, whole: true } };
}

export function text(charsMax: number): Shape<string> {
  return { rule: { kind: 'text', charsMax } };
}

/** Each value of the type, as a key. */
export function oneOf<Value extends string>(values: Readonly<Record<Value, true>>): Shape<Value> {
  return { rule: { kind: 'one-of', values: Object.keys(values) } };
}

export function nullable<Value>({ rule }: Shape<Value>): Shape<Value | null> {
  return { rule: { kind: 'nullable', of: rule } };
}

export function list<Value>({ rule }: Shape<Value>, itemsMax: number): Shape<readonly Value[]> {
  return { rule: { kind: 'list', of: rule, itemsMax } };
}

/** A field that may be missing; it is never undefined. */
export function optional<Value>(shape: Shape<Value>): OptionalField<Value> {
  return { shape };
}

export function record<Type extends object>(fields: FieldsOf<Type>): Shape<Type> {
  const rules: Record<string, FieldRule> = {};
  for (const [name, field] of Object.entries<AnyField>(fields as Record<string, AnyField>)) {
    const optional = 'shape' in field;
    rules[name] = { rule: optional ? field.shape.rule : field.rule, optional };
  }
  return { rule: { kind: 'record', fields: rules } };
}

/** Never throws. The value itself, or what is wrong with it; the reason quotes little of it, as it came. */
export function parseShape<Value>(shape: Shape<Value>, value: unknown): Result<Value> {
  const problem = problemOf(shape.rule, value, '');
  return problem === null ? ok(value as Value) : fail(problem);
}

function problemOf(rule: Rule, value: unknown, path: string): string | null {
  switch (rule.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? null : `${nameOf(path)} is neither true nor false`;
    case 'number':
      return isNumber(rule, value)
        ? null
        : `${nameOf(path)} is no ${rule.whole ? 'integer' : 'number'} from ${rule.min} to ${rule.max}`;
    case 'text':
      if (typeof value !== 'string') return `${nameOf(path)} is no text`;
      return value.length <= rule.charsMax
        ? null
        : `${nameOf(path)} is longer than ${rule.charsMax} characters`;
    case 'one-of':
      return typeof value === 'string' && rule.values.includes(value)
        ? null
        : `${nameOf(path)} is none of ${rule.values.join(', ')}`;
    case 'nullable':
      return value === null ? null : problemOf(rule.of, value, path);
    case 'list':
      return problemOfList(rule.of, rule.itemsMax, value, path);
    case 'record':
      return problemOfRecord(rule.fields, value, path);
  }
}

function isNumber(rule: Extract<Rule, { kind: 'number' }>, value: unknown): boolean {
  if (typeof value !== 'number' || !(value >= rule.min && value <= rule.max)) return false;
  return !rule.whole || Number.isInteger(value);
}

function problemOfList(of: Rule, itemsMax: number, value: unknown, path: string): string | null {
  if (!Array.isArray(value)) return `${nameOf(path)} is no list`;
  if (value.length > itemsMax) return `${nameOf(path)} has more than ${itemsMax} items`;
  for (const [index, item] of value.entries()) {
    const problem = problemOf(of, item, `${path}[${index}]`);
    if (problem !== null) return problem;
  }
  return null;
}

function problemOfRecord(
  fields: Readonly<Record<string, FieldRule>>,
  value: unknown,
  path: string,
): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${nameOf(path)} is no record`;
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) {
    return `${nameOf(path)} has an unknown field "${unknown.slice(0, QUOTED_MAX)}"`;
  }
  for (const [name, field] of Object.entries(fields)) {
    const inner = path === '' ? name : `${path}.${name}`;
    if (!Object.hasOwn(value, name)) {
      if (field.optional) continue;
      return `${nameOf(inner)} is missing`;
    }
    const problem = problemOf(field.rule, (value as Record<string, unknown>)[name], inner);
    if (problem !== null) return problem;
  }
  return null;
}

function nameOf(path: string): string {
  return path === '' ? 'It' : `Field "${path}"`;
}
