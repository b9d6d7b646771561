/**
 * docs/extending.md names files that are there, and for new ones folders that are there. What it promises of
 * algorithms and checks holds: who is not one asks for a trait and compares no names.
 */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
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
    ['An algorithm', 'A kind of check', 'A counter', 'An election', 'A data plane'],
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

test('an algorithm or a kind of check is asked for its traits, not for its name', () => {
  const compared = /\b(?:balance|check)(?:\.value)?\.(?:kind|type) [!=]==/;
  assert.match("if (file.balance.kind === 'source') {", compared);
  const files = globSync('src/**/*.ts').filter((file) => !file.endsWith('.test.ts'));
  assert.ok(files.length > 300);
  const found = files.filter((file) => compared.test(readFileSync(file, 'utf8')));
  assert.deepEqual(found, []);
});
