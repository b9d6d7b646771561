/**
 * keepalived.conf: `~SEQ(...)`, `~SEQx(...)` and `~LST(...)` at the front of a line, which is then read once
 * for each of their values (keepalived.conf(5), "Sequence blocks", "List blocks").
 */

import { fail, ok, type Result } from '../../core/result.ts';

export type Generator = {
  /** Characters of the line it takes. */
  readonly length: number;
  readonly names: readonly string[];
  /** As many as names, for each reading. */
  readonly values: readonly (readonly string[])[];
};

/** Of one generator. */
export const VALUES_MAX = 65_536;

/** Where the generator at the front of a line ends; null: there is none. */
export function generatorEnd(text: string): number | null {
  if (!/^\s*~(?:SEQx?|LST)\(/.test(text)) return null;
  const end = text.indexOf(')');
  return end === -1 ? text.length : end + 1;
}

/** `text`: the line up to generatorEnd(). */
export function parseGenerator(text: string): Result<Omit<Generator, 'length'>> {
  const [, kind = '', body] = /^\s*~(SEQx?|LST)\(([^)]*)\)$/.exec(text) ?? [];
  if (body === undefined) return fail('has no ")"');
  return kind === 'LST' ? parseList(body) : parseSequence(body, kind === 'SEQx' ? 16 : 10);
}

/** `NAME, [START, [STEP,]] END` */
function parseSequence(body: string, radix: 10 | 16): Result<Omit<Generator, 'length'>> {
  const [name = '', ...words] = body.split(',').map((word) => word.trim());
  const numbers = words.map(parseNumber);
  if (!/^\w+$/.test(name) || numbers.length < 1 || numbers.length > 3 || numbers.includes(null)) {
    return fail('needs a name and one to three whole numbers');
  }
  const end = numbers.at(-1) ?? 0;
  const start = numbers.length === 1 ? (end > 0 ? 1 : -1) : (numbers[0] ?? 0);
  const step = numbers.length === 3 ? (numbers[1] ?? 0) : end < start ? -1 : 1;
  const count = step === 0 ? Number.POSITIVE_INFINITY : Math.floor((end - start) / step) + 1;
  if (count < 1) return fail('never reaches its end');
  if (count > VALUES_MAX) return fail(`has more than ${VALUES_MAX} values`);
  const values = Array.from({ length: count }, (_, index) => [
    (start + index * step).toString(radix),
  ]);
  return ok({ names: [name], values });
}

function parseNumber(word: string): number | null {
  const [, sign, digits = ''] = /^([+-]?)(\d{1,9}|0x[\da-f]{1,7})$/i.exec(word) ?? [];
  return sign === undefined ? null : Number(digits) * (sign === '-' ? -1 : 1);
}

/** `NAME, VALUE...`, or `{NAME, ...}, {VALUE, ...}...` */
function parseList(body: string): Result<Omit<Generator, 'length'>> {
  const groups = [...body.matchAll(/\{([^{}]*)\}|([^,{}]+)/g)]
    .map(([, group, single = '']) => (group ?? single).split(',').map((word) => word.trim()))
    .filter((words) => words.some((word) => word !== ''));
  const [names = [], ...values] = groups;
  if (!names.every((name) => /^\w+$/.test(name)) || values.length === 0) {
    return fail('needs names and at least one value');
  }
  if (values.some((words) => words.length !== names.length)) {
    return fail('needs as many values each time as it has names');
  }
  return ok({ names, values });
}
