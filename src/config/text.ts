/**
 * Characters that look like a space or like nothing, as web pages and word processors leave them in
 * pasted configuration files. Neither HAProxy nor keepalived takes them for a separator; both then
 * complain about something else. The front ends name them instead, with line and column.
 *
 * Names are those of the Unicode character database.
 */

import type { Diagnostic } from './diagnostics.ts';

/** Lines with invisible characters reported one by one; the rest are summed up in one diagnosis. */
export const INVISIBLE_LINES_MAX = 20;

/** Look like a space: read on as if one stood there. */
const SPACE_LIKE: ReadonlyMap<number, string> = new Map([
  [0x0085, 'NEXT LINE'],
  [0x00a0, 'NO-BREAK SPACE'],
  [0x1680, 'OGHAM SPACE MARK'],
  [0x2000, 'EN QUAD'],
  [0x2001, 'EM QUAD'],
  [0x2002, 'EN SPACE'],
  [0x2003, 'EM SPACE'],
  [0x2004, 'THREE-PER-EM SPACE'],
  [0x2005, 'FOUR-PER-EM SPACE'],
  [0x2006, 'SIX-PER-EM SPACE'],
  [0x2007, 'FIGURE SPACE'],
  [0x2008, 'PUNCTUATION SPACE'],
  [0x2009, 'THIN SPACE'],
  [0x200a, 'HAIR SPACE'],
  [0x2028, 'LINE SEPARATOR'],
  [0x2029, 'PARAGRAPH SEPARATOR'],
  [0x202f, 'NARROW NO-BREAK SPACE'],
  [0x205f, 'MEDIUM MATHEMATICAL SPACE'],
  [0x2800, 'BRAILLE PATTERN BLANK'],
  [0x3000, 'IDEOGRAPHIC SPACE'],
  [0x3164, 'HANGUL FILLER'],
]);

/** Look like nothing: read on as if they were not there. */
const ZERO_WIDTH: ReadonlyMap<number, string> = new Map([
  [0x00ad, 'SOFT HYPHEN'],
  [0x034f, 'COMBINING GRAPHEME JOINER'],
  [0x180e, 'MONGOLIAN VOWEL SEPARATOR'],
  [0x200b, 'ZERO WIDTH SPACE'],
  [0x200c, 'ZERO WIDTH NON-JOINER'],
  [0x200d, 'ZERO WIDTH JOINER'],
  [0x200e, 'LEFT-TO-RIGHT MARK'],
  [0x200f, 'RIGHT-TO-LEFT MARK'],
  [0x202a, 'LEFT-TO-RIGHT EMBEDDING'],
  [0x202b, 'RIGHT-TO-LEFT EMBEDDING'],
  [0x202c, 'POP DIRECTIONAL FORMATTING'],
  [0x202d, 'LEFT-TO-RIGHT OVERRIDE'],
  [0x202e, 'RIGHT-TO-LEFT OVERRIDE'],
  [0x2060, 'WORD JOINER'],
  [0x2061, 'FUNCTION APPLICATION'],
  [0x2062, 'INVISIBLE TIMES'],
  [0x2063, 'INVISIBLE SEPARATOR'],
  [0x2064, 'INVISIBLE PLUS'],
  [0x2066, 'LEFT-TO-RIGHT ISOLATE'],
  [0x2067, 'RIGHT-TO-LEFT ISOLATE'],
  [0x2068, 'FIRST STRONG ISOLATE'],
  [0x2069, 'POP DIRECTIONAL ISOLATE'],
  [0xfeff, 'ZERO WIDTH NO-BREAK SPACE'],
]);

const REPLACEMENT_CHARACTER = 0xfffd;

/** Tab, line feed, vertical tab, form feed and carriage return are separators; the rest is invisible. */
function isStrayControl(codePoint: number): boolean {
  return codePoint < 0x09 || (codePoint > 0x0d && codePoint < 0x20) || codePoint === 0x7f;
}

/** "NO-BREAK SPACE" and the like; null for a character one can see, and for ordinary white space. */
export function invisibleName(codePoint: number): string | null {
  const name = SPACE_LIKE.get(codePoint) ?? ZERO_WIDTH.get(codePoint);
  if (name !== undefined) return name;
  if (isStrayControl(codePoint)) return 'a control character';
  if (codePoint === REPLACEMENT_CHARACTER) return 'a byte that is not UTF-8';
  return null;
}

function formatCodePoint(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}

type Find = { readonly column: number; readonly codePoint: number };

/** Invisible characters of one line, up to its comment. Quotes and backslashes hide comment marks. */
function findInLine(line: string, commentMarks: string): readonly Find[] {
  const finds: Find[] = [];
  let quote: string | null = null;
  let escaped = false;
  let column = 0;
  for (const character of line) {
    column += 1;
    const codePoint = character.codePointAt(0) ?? 0;
    if (invisibleName(codePoint) !== null) finds.push({ column, codePoint });
    if (escaped) escaped = false;
    else if (quote !== null && character === quote) quote = null;
    else if (character === '\\' && quote !== "'") escaped = true;
    else if (quote === null && (character === '"' || character === "'")) quote = character;
    else if (quote === null && commentMarks.includes(character)) break;
  }
  return finds;
}

function describe(file: string, line: number, finds: readonly Find[], first: Find): Diagnostic {
  const code = formatCodePoint(first.codePoint);
  const name = invisibleName(first.codePoint) ?? '';
  const more = finds.length > 1 ? ` (${finds.length} invisible characters in this line)` : '';
  const fix = SPACE_LIKE.has(first.codePoint)
    ? 'it is no separator here; replace it by a plain space'
    : 'delete it';
  return {
    file,
    line,
    column: first.column,
    severity: 'error',
    text: `Invisible character ${code}, ${name}${more}: ${fix}`,
    code: 'invisible-character',
  };
}

/**
 * Names the invisible characters outside comments: one error per line, at its first such character, at
 * most INVISIBLE_LINES_MAX of them and then one that counts the rest.
 *
 * `commentMarks` holds the characters that begin a comment, e.g. "#" or "#!".
 */
export function scanInvisible(file: string, text: string, commentMarks: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  let unreported = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const finds = findInLine(line, commentMarks);
    const first = finds[0];
    if (first === undefined) continue;
    if (diagnostics.length < INVISIBLE_LINES_MAX) {
      diagnostics.push(describe(file, index + 1, finds, first));
    } else {
      unreported += 1;
    }
  }
  if (unreported > 0) {
    diagnostics.push({
      file,
      line: 0,
      column: 0,
      severity: 'error',
      text: `Invisible characters in ${unreported} more lines: retype them or paste as plain text`,
      code: 'invisible-character',
    });
  }
  return diagnostics;
}

/**
 * The text as its author sees it: spaces for what looks like one, nothing for what looks like nothing.
 * For reading on after scanInvisible() complained, so that further errors are about something else.
 * Lines keep their numbers; columns shift left behind a removed character.
 */
export function withoutInvisible(text: string): string {
  let clean = '';
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (SPACE_LIKE.has(codePoint)) clean += ' ';
    else if (!ZERO_WIDTH.has(codePoint) && !isStrayControl(codePoint)) clean += character;
  }
  return clean;
}
