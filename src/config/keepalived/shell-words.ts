/**
 * Splits a script line into the words keepalived executes: like a shell's quoting, without a shell
 * (keepalived.conf(5), "Quoted strings"). `"bash -c 'exit 1'"` gives `bash`, `-c`, `exit 1`.
 */

import { fail, ok, type Result } from '../../core/result.ts';

/** Words of one command line at most. */
const SCRIPT_WORDS_MAX = 128;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The character a backslash at `index` stands for, and how many units it spans. */
function decodeEscape(
  text: string,
  index: number,
): { readonly value: string; readonly span: number } {
  const code = /^\\(?:x([0-9a-fA-F]{1,2})|([0-3]?[0-7]{1,2}))/.exec(text.slice(index, index + 4));
  if (code !== null) {
    const value =
      code[1] === undefined ? Number.parseInt(code[2] ?? '0', 8) : Number.parseInt(code[1], 16);
    return { value: String.fromCharCode(value), span: code[0].length };
  }
  const next = text[index + 1];
  if (next === undefined) return { value: '\\', span: 1 };
  return { value: ESCAPES[next] ?? next, span: 2 };
}

/** Fails on a quote that nothing closes and on more than SCRIPT_WORDS_MAX words. */
export function splitShellWords(text: string): Result<readonly string[]> {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  let index = 0;
  while (index < text.length) {
    const character = text[index] ?? '';
    if (character === '\\' && quote !== "'") {
      const decoded = decodeEscape(text, index);
      word = (word ?? '') + decoded.value;
      index += decoded.span;
      continue;
    }
    if (quote !== null) {
      if (character === quote) quote = null;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      if (words.length > SCRIPT_WORDS_MAX) return fail(`More than ${SCRIPT_WORDS_MAX} words`);
    } else {
      word = (word ?? '') + character;
    }
    index += 1;
  }
  if (quote !== null) return fail(`The quote ${quote} is not closed`);
  if (word !== null) words.push(word);
  return ok(words);
}
