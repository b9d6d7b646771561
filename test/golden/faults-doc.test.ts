/** docs/vrrp-faults.md names only tests that exist. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const PAGE = 'docs/vrrp-faults.md';

/** Each row's fault, file, and beginnings or parts of titles in it. */
const rows = [
  ...readFileSync(PAGE, 'utf8').matchAll(/^\| ([^|]+) \|[^|]+\| (test\/\S+\.ts): ([^|]+) \|$/gm),
];

test('every fault has a row with a test', () => {
  assert.ok(rows.length >= 29, `${rows.length} rows`);
});

for (const [, fault = '', file = '', titles = ''] of rows) {
  test(`the test of "${fault}" exists`, () => {
    const text = readFileSync(file, 'utf8');
    for (const title of titles.split('; ')) {
      assert.ok(text.includes(title.trim()), `${file} has no test "${title}"`);
    }
  });
}
