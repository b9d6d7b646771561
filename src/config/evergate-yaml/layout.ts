/**
 * Lines that do not lie as YAML wants them: a blank that lacks behind a colon, an indentation that fits no block. YAML's
 * own complaints are about what it took such lines for; asked only where a file cannot be read.
 */

import type { Place } from '../haproxy/report.ts';

export type LayoutProblem = { readonly place: Place; readonly text: string };

/** Told of one file; the rest follows from the same habit. */
const PROBLEMS_MAX = 20;
const SHOWN_CHARS_MAX = 80;

/** Indentation, key, value: no quotes, no braces, no dash, as nobody forgets a blank there by habit. */
const GLUED = /^( *)([A-Za-z0-9][\w.-]*):(?![\s:/])(\S.*)$/;
const KEY_LINE = /^( *)(- +)?([A-Za-z0-9][\w.-]*):(?:\s+(.*))?$/;

/** A line in a sentence, without its comment. */
function shown(indent: number, text: string): string {
  const line = `${' '.repeat(indent)}${text.replace(/\s+#.*$/, '').trimEnd()}`;
  return line.length > SHOWN_CHARS_MAX ? `${line.slice(0, SHOWN_CHARS_MAX - 3)}...` : line;
}

/** Keys whose colon has no blank behind it: "name:address". */
export function gluedKeys(text: string): readonly LayoutProblem[] {
  const problems: LayoutProblem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const match = GLUED.exec(line.trimEnd());
    if (match === null) continue;
    const [, indent = '', key = '', value = ''] = match;
    problems.push({
      place: { line: index + 1, column: indent.length + key.length + 2 },
      text: `A blank is missing behind the colon; write "${shown(indent.length, `${key}: ${value}`)}"`,
    });
    if (problems.length === PROBLEMS_MAX) break;
  }
  return problems;
}

/** Whether what stands behind a colon is a value that ends with its line. */
function endsHere(value: string): boolean {
  const bare = value.replace(/^#.*$/, '').trim();
  return bare !== '' && !/^[|>&*!{["']/.test(bare);
}

/** Whichever kind comes first in the file; what comes after it follows from it as like as not. */
export function layoutProblems(text: string): readonly LayoutProblem[] {
  const glued = gluedKeys(text);
  const crooked = crookedLine(text);
  if (crooked === null) return glued;
  const before = glued.some(({ place }) => place.line < crooked.place.line);
  return before ? glued : [crooked];
}

/** The first line whose indentation is neither that of an open block nor allowed to open one; null: there is none. */
function crookedLine(text: string): LayoutProblem | null {
  let open: number[] = [0];
  let closed = false;
  for (const [index, line] of text.split('\n').entries()) {
    const match = KEY_LINE.exec(line.trimEnd());
    if (match === null) continue;
    const [, blanks = '', dash = '', key = '', value = ''] = match;
    const indent = blanks.length + dash.length;
    const above = open.at(-1) ?? 0;
    const fits = open.includes(indent) || (indent > above && !closed);
    if (dash === '' && !fits) {
      const wanted = shown(above, value === '' ? `${key}:` : `${key}: ${value}`);
      const fix = `as the line above it is: write "${wanted}"`;
      const place = { line: index + 1, column: indent + 1 };
      return {
        place,
        text: `"${key}" is indented by ${indent} and fits no block; indent it ${fix}`,
      };
    }
    open = [...open.filter((each) => each < indent), indent];
    closed = endsHere(value);
  }
  return null;
}
