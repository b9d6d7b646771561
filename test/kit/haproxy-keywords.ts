/** Compares the keywords `haproxy -dKall` lists with the directive tables. */

import {
  type DirectiveTable,
  familyWords,
  findDirective,
} from '../../src/config/haproxy/directives.ts';
import { GLOBAL_DIRECTIVES } from '../../src/config/haproxy/directives-global.ts';
import { PROXY_DIRECTIVES } from '../../src/config/haproxy/directives-proxy.ts';
import {
  BIND_KEYWORDS,
  type KeywordTable,
  SERVER_KEYWORDS,
} from '../../src/config/haproxy/keywords.ts';

function knows(table: DirectiveTable, words: readonly string[]): boolean {
  const [first = '', second] = words;
  if (findDirective(table, words) !== null) return true;
  return second === undefined && familyWords(table, first).length > 0;
}

/** `bind <addr> [ssl] NAME [+1]` and `server <name> <addr> NAME [+1]`; `usesrc` follows `source`. */
function knowsKeyword(table: KeywordTable, rest: readonly string[]): boolean {
  const values = rest.filter((word) => /^\+-?\d$/.test(word)).length;
  const names = rest.filter((word) => !/^(<.*>|\+-?\d)$/.test(word));
  const keyword = table.get(names.at(-1) ?? '');
  return keyword !== undefined && (keyword.values === values || keyword.name === 'usesrc');
}

function knowsLine(section: string, words: readonly string[]): boolean {
  const [first, ...rest] = words;
  if (section === 'global') return knows(GLOBAL_DIRECTIVES, words);
  if (first === 'bind') return knowsKeyword(BIND_KEYWORDS, rest);
  if (first === 'server') return knowsKeyword(SERVER_KEYWORDS, rest);
  return knows(PROXY_DIRECTIVES, words);
}

/** Lines of the listing we have no row for, and how many we compared. */
export function directiveGaps(listing: string): { known: number; gaps: readonly string[] } {
  let section = '';
  let known = 0;
  const gaps: string[] = [];
  for (const line of listing.split('\n')) {
    if (/^[a-z#]/.test(line)) section = line.trim();
    if (!line.startsWith('\t') || (section !== 'global' && section !== 'listen')) continue;
    if (knowsLine(section, line.trim().split(/\s+/))) known += 1;
    else gaps.push(`${section}: ${line.trim()}`);
  }
  return { known, gaps };
}
