/**
 * keepalived.conf, first step: a line to words and braces (keepalived.conf(5)).
 *
 * `!` and `#` begin a comment anywhere outside quotes, also in the middle of a word. Both kinds of quotes
 * hold a word together; what a backslash means inside is decided later, by whoever reads the word. Braces
 * stand alone, glued to a word, or several on one line.
 */

/** A line of a file, after replacement of definitions. */
export type SourceLine = {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** For each UTF-16 unit of the text the column (from 1) it came from. */
  readonly columns: readonly number[];
};

export type Position = { readonly file: string; readonly line: number; readonly column: number };

export type Word = Position & {
  /** Without the quotes around it; escapes untouched. */
  readonly text: string;
  readonly quoted: boolean;
};

export type Token =
  | { readonly kind: 'word'; readonly word: Word }
  | { readonly kind: 'open' | 'close'; readonly at: Position };

export type LexedLine = {
  readonly tokens: readonly Token[];
  /** Where a quote opens that the line does not close. */
  readonly unterminated: Position | null;
  /** The word that a comment mark cuts short, as in `auth_pass a#b`. */
  readonly cut: Word | null;
};

const BLANKS = ' \t\r\v\f';
const COMMENT_MARKS = '!#';
const QUOTES = '"\'';

/** The column (from 1) of the unit at `index`. */
export function columnAt(source: SourceLine, index: number): number {
  return source.columns[index] ?? source.columns.at(-1) ?? 1;
}

function positionAt(source: SourceLine, index: number): Position {
  return { file: source.file, line: source.line, column: columnAt(source, index) };
}

/** Index behind the closing quote of the string that opens at `start`; null when nothing closes it. */
function endOfQuotes(text: string, start: number): number | null {
  const quote = text[start];
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '\\' && quote === '"') index += 1;
    else if (text[index] === quote) return index + 1;
  }
  return null;
}

/** Where the comment of a line begins; the length of the text when it has none. */
export function commentStart(text: string): number {
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (character === '\\') index += 1;
    else if (QUOTES.includes(character)) {
      const end = endOfQuotes(text, index);
      if (end === null) return text.length;
      index = end - 1;
    } else if (COMMENT_MARKS.includes(character)) return index;
  }
  return text.length;
}

type Scan = { readonly text: string; readonly end: number; readonly closed: boolean };

/** Reads one word; `${` and what it closes with belong to it, any other brace ends it. */
function scanWord(line: string, start: number): Scan {
  let text = '';
  let index = start;
  while (index < line.length) {
    const character = line[index] ?? '';
    if ((BLANKS + COMMENT_MARKS).includes(character)) break;
    if (QUOTES.includes(character)) {
      const end = endOfQuotes(line, index);
      if (end === null)
        return { text: text + line.slice(index + 1), end: line.length, closed: false };
      text += line.slice(index + 1, end - 1);
      index = end;
      continue;
    }
    const reference = /^\$\{\w*\}/.exec(line.slice(index, index + 256));
    const unit = reference?.[0] ?? (character === '\\' ? line.slice(index, index + 2) : character);
    if (unit === '{' || unit === '}') break;
    text += unit;
    index += unit.length;
  }
  return { text, end: index, closed: true };
}

/** Splits a line. Never fails: what is wrong is told beside the tokens. */
export function lexLine(source: SourceLine): LexedLine {
  const { text } = source;
  const tokens: Token[] = [];
  let unterminated: Position | null = null;
  let cut: Word | null = null;
  let index = 0;
  while (index < text.length) {
    const character = text[index] ?? '';
    if (BLANKS.includes(character)) {
      index += 1;
    } else if (COMMENT_MARKS.includes(character)) {
      const last = tokens.at(-1);
      const glued = index > 0 && !BLANKS.includes(text[index - 1] ?? '');
      if (glued && last?.kind === 'word') cut = last.word;
      break;
    } else if (character === '{' || character === '}') {
      const kind = character === '{' ? 'open' : 'close';
      tokens.push({ kind, at: positionAt(source, index) });
      index += 1;
    } else {
      const scan = scanWord(text, index);
      const at = positionAt(source, index);
      const quoted = QUOTES.includes(character);
      tokens.push({ kind: 'word', word: { ...at, text: scan.text, quoted } });
      if (!scan.closed) unterminated = at;
      index = scan.end;
    }
  }
  return { tokens, unterminated, cut };
}
