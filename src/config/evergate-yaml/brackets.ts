/** A "{" or "[" that nothing closes. YAML complains of it where the file goes wrong, which is lines below. */

import type { Place } from '../haproxy/report.ts';

const CLOSED_BY: Readonly<Record<string, string>> = { '{': '}', '[': ']' };
const ENDS: ReadonlySet<string> = new Set(Object.values(CLOSED_BY));

export type OpenBracket = { readonly place: Place; readonly text: string };

/** The innermost where the brackets go wrong; null: all are closed. Asked only where a file cannot be read. */
export function openBracket(text: string): OpenBracket | null {
  const open: { readonly sign: string; readonly at: number }[] = [];
  // Whether a value may begin here: only there a bracket or a quote is one.
  let begins = true;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (sign === '#' && /^\s?$/.test(text[at - 1] ?? '')) {
      at = endOf('\n', text, at) - 1;
    } else if (sign === '\n') begins = true;
    else if (sign === ' ' || sign === '\t' || sign === '\r') continue;
    else if (begins && (sign === '"' || sign === "'")) {
      at = endOf(sign, text, at);
      begins = false;
    } else if (sign in CLOSED_BY && begins) open.push({ sign, at });
    else if (open.length > 0 && ENDS.has(sign)) {
      if (CLOSED_BY[open.at(-1)?.sign ?? ''] !== sign) break;
      open.pop();
      begins = false;
    } else begins = beginsAfter(sign, text[at + 1] ?? '', open.length > 0);
  }
  const found = open.at(-1);
  if (found === undefined) return null;
  const { sign, at } = found;
  return {
    place: placeOf(text, at),
    text: `Nothing closes this "${sign}"; end it with "${CLOSED_BY[sign]}"`,
  };
}

function beginsAfter(sign: string, next: string, inside: boolean): boolean {
  if (inside && sign === ',') return true;
  return (sign === ':' || sign === '-') && /^\s?$/.test(next);
}

/** Where the sign comes next; the end of the text where it does not. */
function endOf(sign: string, text: string, from: number): number {
  const end = text.indexOf(sign, from + 1);
  return end === -1 ? text.length : end;
}

function placeOf(text: string, at: number): Place {
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
