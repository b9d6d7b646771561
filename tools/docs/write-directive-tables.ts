/** Writes the directive tables into the pages of docs/. Run it after a change of a table. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGES, withTables } from './directive-tables.ts';

const ROOT = join(import.meta.dirname, '..', '..');

for (const [page, tables] of Object.entries(PAGES)) {
  const path = join(ROOT, page);
  writeFileSync(path, withTables(readFileSync(path, 'utf8'), tables));
}
