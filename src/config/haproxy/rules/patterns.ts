/** Flags, operators and values of an ACL (configuration manual sections 7.1 and 7.1.1 to 7.1.6). */

import { parseNetwork } from '../../../core/network.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { Match, TextMatch } from '../../model/conditions.ts';
import type { Word } from '../lexer.ts';
import type { FetchType } from './fetches.ts';

const TEXT_MATCHES: ReadonlyMap<string, TextMatch> = new Map([
  ['str', 'whole'],
  ['beg', 'begin'],
  ['end', 'end'],
  ['sub', 'part'],
  ['dom', 'domain'],
  ['dir', 'path'],
]);

/** What HAProxy knows and we do not. */
const UNREAD_MATCHES = ['bin', 'len', 'reg'];

const METHODS: Readonly<Record<FetchType, readonly string[]>> = {
  address: ['ip'],
  number: ['int', 'bool', ...TEXT_MATCHES.keys()],
  text: [...TEXT_MATCHES.keys()],
  truth: ['bool', 'int'],
};

const DEFAULT_METHODS: Readonly<Record<FetchType, string>> = {
  address: 'ip',
  number: 'int',
  text: 'str',
  truth: 'bool',
};

/** What is wrong with a word, or with the whole; `unread`: HAProxy would take it. */
export type PatternProblem = {
  readonly place: Word | null;
  readonly text: string;
  readonly unread: boolean;
};

export type PatternResult =
  | { readonly ok: true; readonly value: Match; readonly empty: boolean }
  | { readonly ok: false; readonly problem: PatternProblem };

type Flags = { method: string | null; ignoresCase: boolean; rest: readonly Word[] };

/** Reads what stands behind a fetch. */
export function readPatterns(type: FetchType, words: readonly Word[]): PatternResult {
  const flags = readFlags(words);
  if ('problem' in flags) return { ok: false, problem: flags.problem };
  const { method, ignoresCase, rest } = flags;
  if (method === 'found') return { ok: true, value: { kind: 'found' }, empty: false };
  const chosen = method ?? DEFAULT_METHODS[type];
  if (!METHODS[type].includes(chosen)) {
    const known = ['found', ...METHODS[type]].join(', ');
    const isKnown =
      UNREAD_MATCHES.includes(chosen) ||
      Object.values(METHODS).some((methods) => methods.includes(chosen));
    const text = isKnown
      ? `"-m ${chosen}" is not read here: say one of ${known}`
      : `"-m ${chosen}" is no way to match: say one of ${known}`;
    return { ok: false, problem: { place: words[0] ?? null, text, unread: isKnown } };
  }
  const values = readValues(chosen, ignoresCase, rest);
  return values.ok ? { ...values, empty: rest.length === 0 && chosen !== 'bool' } : values;
}

function readFlags(words: readonly Word[]): Flags | { readonly problem: PatternProblem } {
  const flags: Flags = { method: null, ignoresCase: false, rest: words };
  while (flags.rest[0]?.text.startsWith('-') === true) {
    const [flag, value] = flags.rest;
    if (flag === undefined) break;
    // A negative number is a value.
    if (/^-\d/.test(flag.text)) break;
    let taken = 1;
    if (flag.text === '--') return { ...flags, rest: flags.rest.slice(1) };
    if (flag.text === '-i') flags.ignoresCase = true;
    else if (flag.text === '-m') {
      flags.method = value?.text ?? '';
      taken = 2;
    } else if (flag.text !== '-n') {
      const files = flag.text === '-f' || flag.text === '-M';
      const text = files
        ? `"${flag.text}" is not read: write the values of the file out`
        : `"${flag.text}" is no flag that is read here: say -i, -m or -n`;
      return { problem: { place: flag, text, unread: files || flag.text === '-u' } };
    }
    flags.rest = flags.rest.slice(taken);
  }
  return flags;
}

type ValueResult =
  | { readonly ok: true; readonly value: Match }
  | { readonly ok: false; readonly problem: PatternProblem };

function readValues(method: string, ignoresCase: boolean, words: readonly Word[]): ValueResult {
  const how = TEXT_MATCHES.get(method);
  if (how !== undefined) {
    const patterns = words.map(({ text }) => text);
    return { ok: true, value: { kind: 'texts', how, ignoresCase, patterns } };
  }
  if (method === 'ip') return readNetworks(words);
  if (method === 'bool') {
    const [word] = words;
    return word === undefined
      ? { ok: true, value: { kind: 'true' } }
      : refused(word, `"${word.text}" is not read: a truth needs no value`);
  }
  return readNumbers(words);
}

function refused(place: Word, text: string): ValueResult {
  return { ok: false, problem: { place, text, unread: true } };
}

function readNetworks(words: readonly Word[]): ValueResult {
  const networks: string[] = [];
  for (const word of words) {
    const text = withPrefix(word.text);
    const network = parseNetwork(text);
    if (!network.ok) {
      return { ok: false, problem: { place: word, text: network.reason, unread: false } };
    }
    networks.push(text);
  }
  return { ok: true, value: { kind: 'networks', networks } };
}

/** "10.0.0.0/255.0.0.0" as "10.0.0.0/8", where the mask is a prefix. */
function withPrefix(text: string): string {
  const [host = '', mask = ''] = text.split('/');
  const bytes = /^\d{1,3}(\.\d{1,3}){3}$/.test(mask) ? mask.split('.').map(Number) : null;
  if (bytes === null || bytes.some((byte) => byte > 255)) return text;
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? `${host}/${bits.replaceAll('0', '').length}` : text;
}

type Range = { readonly min: number | null; readonly max: number | null };

const OPERATORS: Readonly<Record<string, (value: number) => Range>> = {
  eq: (value) => ({ min: value, max: value }),
  ge: (value) => ({ min: value, max: null }),
  gt: (value) => ({ min: value + 1, max: null }),
  le: (value) => ({ min: null, max: value }),
  lt: (value) => ({ min: null, max: value - 1 }),
};

function readNumbers(words: readonly Word[]): ValueResult {
  const ranges: Range[] = [];
  let operator = 'eq';
  for (const word of words) {
    if (OPERATORS[word.text] !== undefined) {
      operator = word.text;
      continue;
    }
    const range = readRange(word.text, operator);
    if (!range.ok) {
      // HAProxy takes a range behind an operator, whatever it makes of it.
      const unread = word.text.includes(':');
      return { ok: false, problem: { place: word, text: range.reason, unread } };
    }
    ranges.push(range.value);
  }
  return { ok: true, value: { kind: 'numbers', ranges } };
}

/** "5", "1:1024", ":1024" or "1024:". */
function readRange(text: string, operator: string): Result<Range> {
  const [, low = '', colon = '', high = ''] = /^(-?\d{1,15})?(:)?(-?\d{1,15})?$/.exec(text) ?? [];
  const numberOf = (digits: string): number | null => (digits === '' ? null : Number(digits));
  if (low === '' && high === '') return fail(`"${text}" is not a number or a range such as 1:1024`);
  if (colon === '') {
    const range = OPERATORS[operator]?.(Number(low));
    if (range !== undefined && high === '') return ok(range);
  } else if (operator === 'eq') return ok({ min: numberOf(low), max: numberOf(high) });
  return fail(`"${operator} ${text}" is not read: a range stands without "${operator}"`);
}
