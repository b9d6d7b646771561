/** docs/extending.md names files that are there, and for new ones folders that are there. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';

const page = readFileSync('docs/extending.md', 'utf8');

/** Heading and text of each section. */
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ heading: text.split('\n', 1)[0] ?? '', text }));

/** Paths in the text; `<name>` stands for what a new one is called. */
function pathsOf(text: string): readonly string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return spans.filter((span) => /^(src|test|docs|tools|sim|bench)\/[^\s*]*$/.test(span));
}

test('every section says which files to touch, and they are there', () => {
  assert.deepEqual(
    sections.map(({ heading }) => heading),
    ['An algorithm', 'A kind of check', 'An election'],
  );
  for (const { heading, text } of sections) {
    const rows = pathsOf(text.replaceAll(/^[^|].*$/gm, ''));
    assert.ok(rows.length > 0, `"${heading}" has a table of files`);
  }
  const missing = pathsOf(page).filter((path) => {
    const [fixed = '', rest] = path.split('<', 2);
    if (rest === undefined) return !existsSync(path);
    return !existsSync(fixed.endsWith('/') ? fixed : dirname(fixed));
  });
  assert.deepEqual(missing, []);
});
