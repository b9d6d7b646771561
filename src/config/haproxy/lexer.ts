/**
 * Cuts one line of haproxy.cfg into words: backslash escapes, weak and strong quotes, comments and
 * environment variables, as HAProxy's configuration manual describes them in sections 2.2 and 2.3.
 */

import { fail, ok, type Result } from '../../core/result.ts';

/** HAProxy refuses lines of more words. */
export const WORDS_MAX = 64;

/** Characters a line may have, before and after its variables are replaced. */
export const LINE_LENGTH_MAX = 16_384;

export type Word = {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
};

export type LexProblem = {
  readonly severity: 'error' | 'warning';
  readonly column: number;
  readonly text: string;
  readonly code: 'syntax-error' | 'unknown-name';
};

export type LexedLine = {
  readonly words: readonly Word[];
  readonly problems: readonly LexProblem[];
};

/** Value of an environment variable; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

/** What a backslash turns the next character into; any other leaves the backslash where it is. */
const ESCAPES: Readonly<Record<string, string>> = {
  ' ': ' ',
  '\t': '\t',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '#': '#',
  $: '$',
  n: '\n',
  r: '\r',
  t: '\t',
};

const SPACES = ' \t\v\f';

type Cursor = {
  readonly characters: readonly string[];
  readonly line: number;
  readonly lookup: Lookup;
  position: number;
  /** The word being read, null between words. */
  word: string | null;
  wordColumn: number;
  readonly words: Word[];
  readonly problems: LexProblem[];
  /** Characters of all words so far, to bound what variables expand to. */
  length: number;
};

function append(cursor: Cursor, text: string, column: number): void {
  if (cursor.word === null) {
    cursor.word = '';
    cursor.wordColumn = column;
  }
  cursor.word += text;
  cursor.length += text.length;
}

function endWord(cursor: Cursor): void {
  if (cursor.word === null) return;
  cursor.words.push({ text: cursor.word, line: cursor.line, column: cursor.wordColumn });
  cursor.word = null;
}

function complain(cursor: Cursor, column: number, text: string): false {
  cursor.problems.push({ severity: 'error', column, text, code: 'syntax-error' });
  return false;
}

/** Reads the escape at the cursor; false when it is malformed. */
function readEscape(cursor: Cursor): boolean {
  const column = cursor.position + 1;
  const next = cursor.characters[cursor.position + 1];
  if (next === 'x') {
    const digits = cursor.characters.slice(cursor.position + 2, cursor.position + 4).join('');
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
      return complain(cursor, column, 'Escape "\\x" needs two hexadecimal digits after it');
    }
    const code = Number.parseInt(digits, 16);
    if (code === 0) return complain(cursor, column, 'Escape "\\x00" cannot stand in a word');
    append(cursor, String.fromCodePoint(code), column);
    cursor.position += 4;
    return true;
  }
  const escaped = next === undefined ? undefined : ESCAPES[next];
  append(cursor, escaped ?? '\\', column);
  cursor.position += escaped === undefined ? 1 : 2;
  return true;
}

type Reference = {
  readonly name: string;
  readonly fallback: string | null;
  /** `${NAME[*]}`: each part of the value is a word of its own. */
  readonly split: boolean;
  readonly length: number;
};

/** Parses `$NAME`, `${NAME}`, `${NAME-fallback}` or `${NAME[*]}` at the start of `text`. */
function parseReference(text: string): Result<Reference> {
  const plain = /^\$(\.?[A-Za-z_][A-Za-z0-9_]*)/.exec(text);
  if (plain !== null) {
    const [whole, name = ''] = plain;
    return ok({ name, fallback: null, split: false, length: whole.length });
  }
  const braced = /^\$\{(\.?[A-Za-z_][A-Za-z0-9_]*)(\[\*\])?(?:-([^}"]*))?\}/.exec(text);
  if (braced !== null) {
    const [whole, name = '', list, fallback] = braced;
    const split = list !== undefined;
    return ok({ name, fallback: fallback ?? null, split, length: whole.length });
  }
  return fail(
    text.startsWith('${')
      ? 'Variable in braces is malformed; write a name and perhaps a dash with a default after it'
      : 'Dollar sign in double quotes begins a variable name; write "\\$" for the sign itself',
  );
}

/** Replaces the variable at the cursor, which stands inside double quotes. */
function readVariable(cursor: Cursor): boolean {
  const column = cursor.position + 1;
  const rest = cursor.characters.slice(cursor.position).join('');
  const reference = parseReference(rest);
  if (!reference.ok) return complain(cursor, column, reference.reason);
  const { name, fallback, split, length } = reference.value;
  const value = cursor.lookup(name) ?? fallback;
  if (value === null) {
    const text = `Environment variable "${name}" is not set and reads as an empty word`;
    cursor.problems.push({ severity: 'warning', column, text, code: 'unknown-name' });
  }
  const parts = split ? (value ?? '').split(/ +/).filter((part) => part !== '') : [value ?? ''];
  for (const [index, part] of parts.entries()) {
    if (index > 0) endWord(cursor);
    append(cursor, part, column);
  }
  cursor.position += [...rest.slice(0, length)].length;
  return true;
}

/** Reads a quoted part; the cursor stands on the opening quote. */
function readQuoted(cursor: Cursor, quote: string): boolean {
  const column = cursor.position + 1;
  append(cursor, '', column);
  cursor.position += 1;
  for (;;) {
    const character = cursor.characters[cursor.position];
    if (character === undefined) {
      return complain(cursor, column, `Quote ${quote} is not closed in this line`);
    }
    if (character === quote) break;
    if (quote === '"' && character === '\\') {
      if (!readEscape(cursor)) return false;
    } else if (quote === '"' && character === '$') {
      if (!readVariable(cursor)) return false;
    } else {
      append(cursor, character, column);
      cursor.position += 1;
    }
  }
  cursor.position += 1;
  return true;
}

/** Reads up to the end of the line or its comment; false when the line is malformed. */
function readWords(cursor: Cursor): boolean {
  for (;;) {
    const character = cursor.characters[cursor.position];
    if (character === undefined || character === '#' || character === '\r') break;
    if (cursor.length > LINE_LENGTH_MAX || cursor.words.length > WORDS_MAX) break;
    if (SPACES.includes(character)) {
      endWord(cursor);
      cursor.position += 1;
    } else if (character === '"' || character === "'") {
      if (!readQuoted(cursor, character)) return false;
    } else if (character === '\\') {
      if (!readEscape(cursor)) return false;
    } else {
      append(cursor, character, cursor.position + 1);
      cursor.position += 1;
    }
  }
  endWord(cursor);
  return true;
}

/**
 * Words of one line (without its line feed), quotes and comment removed. A malformed line has no words
 * and at least one error. `line` is its number, from 1; `lookup` answers for environment variables.
 */
export function lexLine(text: string, line: number, lookup: Lookup): LexedLine {
  const cursor: Cursor = {
    characters: text.length > LINE_LENGTH_MAX ? [] : [...text],
    line,
    lookup,
    position: 0,
    word: null,
    wordColumn: 0,
    words: [],
    problems: [],
    length: 0,
  };
  const tooLong = () =>
    complain(cursor, 0, `Line is longer than ${LINE_LENGTH_MAX} characters; split it`);
  if (text.length > LINE_LENGTH_MAX) tooLong();
  else if (readWords(cursor)) {
    const extra = cursor.words[WORDS_MAX];
    if (extra !== undefined) {
      complain(cursor, extra.column, `Line has more than ${WORDS_MAX} words; split it`);
    } else if (cursor.length > LINE_LENGTH_MAX) tooLong();
    else return { words: cursor.words, problems: cursor.problems };
  }
  return { words: [], problems: cursor.problems };
}
