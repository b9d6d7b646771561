/** docs/haproxy-behaviour.md names tests that exist, and each row names one. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, 'docs/haproxy-behaviour.md'), 'utf8');

test('every test that the table of behaviours names is there', () => {
  const [, covered = ''] = text.split(/^## /m);
  const rows = covered.split('\n').filter((line) => /^\| \w+\//.test(line));
  assert.ok(rows.length >= 25, `${rows.length} rows`);
  for (const row of rows) {
    const cell = row.split(' | ').at(-1) ?? '';
    const files = [...cell.matchAll(/`((?:src|test)\/[^`]+)`/g)].map(([, file = '']) => file);
    assert.ok(files.length > 0, row);
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `${file} is missing`);
  }
});
