/** Writes tables into pages of docs/, each between a pair of marker comments that say who writes it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/** By page: what goes between the markers of each name. */
export type PageTables = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Writes them into the pages as they are now. Throws as withTables() does. */
export function writePages(pages: PageTables): void {
  for (const [page, tables] of Object.entries(pages)) {
    const path = join(ROOT, page);
    writeFileSync(path, withTables(readFileSync(path, 'utf8'), tables));
  }
}

/** The page with its tables written anew. Throws when it does not hold every pair of markers once. */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  let text = page;
  for (const [name, table] of Object.entries(tables)) {
    const begin = new RegExp(`(<!-- begin ${name} \\(written by \\S+\\) -->\\n)`);
    const end = `<!-- end ${name} -->`;
    const [before, marker, inside, ...more] = text.split(begin);
    const [, after, ...rest] = inside?.split(end) ?? [];
    if (before === undefined || after === undefined || more.length + rest.length > 0) {
      throw new Error(`The page needs one pair of markers for "${name}": begin and ${end}`);
    }
    text = `${before}${marker}\n${table}\n${end}${after}`;
  }
  return text;
}

/** Names of the markers a page holds, to find those that nothing is written for. */
export function markersOf(page: string): readonly string[] {
  return [...page.matchAll(/<!-- begin (\S+) /g)].map(([, name = '']) => name);
}
