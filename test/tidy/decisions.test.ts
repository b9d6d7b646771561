/** docs/adr/README.md lists every decision, by number, under the title of its page. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = 'docs/adr';

test('the list of decisions is whole', () => {
  const pages = readdirSync(FOLDER).filter((name) => /^\d{4}-.*\.md$/.test(name));
  assert.ok(pages.length >= 16);
  const expected = pages.toSorted().map((page, index) => {
    const [, title = ''] = /^# (.*)\n/.exec(readFileSync(`${FOLDER}/${page}`, 'utf8')) ?? [];
    const number = index + 1;
    assert.ok(
      page.startsWith(`${String(number).padStart(4, '0')}-`),
      `${page} is number ${number}`,
    );
    assert.ok(title.startsWith(`${number}. `), `${page} begins with its number and title`);
    return `- [${title}](${page})`;
  });
  const list = readFileSync(`${FOLDER}/README.md`, 'utf8').split('\n');
  assert.deepEqual(
    list.filter((line) => line.startsWith('- ')),
    expected,
  );
});
