/**
 * Places of templates that nobody filled in (`{{ vip }}` of Jinja, Go and Helm, `{% for ... %}` of Jinja). What
 * stands around them makes no sense, and every complaint about it would hide the cause.
 */

import type { Diagnostic } from './diagnostics.ts';

/** Lines named one by one; the rest are counted. */
const LINES_NAMED_MAX = 5;

/** Blanks inside, as every renderer writes them; a `%` that begins a format of HAProxy's has none. */
const PLACE = /\{\{-?\s*[\w.$"'][^{}]*\}\}|\{%-?\s+\w[^{}]*%\}/;

/** The line up to its comment; quotes hide comment marks. */
function withoutComment(line: string, marks: string): string {
  let quote: string | null = null;
  for (const [index, character] of [...line].entries()) {
    if (quote !== null) quote = character === quote ? null : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (marks.includes(character)) return [...line].slice(0, index).join('');
  }
  return line;
}

/**
 * An error for each line with such a place, in order; none for a file that is no template. `commentMarks`
 * holds the characters that begin a comment, e.g. "#" or "#!".
 */
export function scanTemplates(file: string, text: string, commentMarks: string): Diagnostic[] {
  return scan(file, text, commentMarks, PLACE, {
    one: 'is a place of a template that was not filled in; render the file first',
    more: 'Places of a template were not filled in',
  });
}

/** `${NAME}` as shells, systemd and compose files have it, with or without what stands for an empty one. */
const VARIABLE = /\$\{[A-Za-z_]\w*(?:[:?=+-][^}]*)?\}/;

/** An error for each line with a variable of the environment, in a file that reads none. */
export function scanVariables(file: string, text: string, commentMarks: string): Diagnostic[] {
  return scan(file, text, commentMarks, VARIABLE, {
    one:
      'is a variable, and none is read here, because the file is the same on every node; write its value, or ' +
      'render the file first',
    more: 'Variables, of which none is read,',
  });
}

type Words = { readonly one: string; readonly more: string };

function scan(
  file: string,
  text: string,
  commentMarks: string,
  pattern: RegExp,
  words: Words,
): Diagnostic[] {
  if (!pattern.test(text)) return [];
  const found = text.split('\n').flatMap((line, index) => {
    const match = pattern.exec(withoutComment(line, commentMarks));
    if (match === null) return [];
    return [
      { line: index + 1, column: [...line.slice(0, match.index)].length + 1, what: match[0] },
    ];
  });
  const code = 'unrendered-template';
  const named = found.slice(0, LINES_NAMED_MAX).map(({ line, column, what }): Diagnostic => {
    return { file, line, column, severity: 'error', text: `"${what}" ${words.one}`, code };
  });
  const more = found.length - named.length;
  if (more > 0) {
    const said = `${words.more} in ${more} more lines; render the file first`;
    named.push({ file, line: 0, column: 0, severity: 'error', text: said, code });
  }
  return named;
}
