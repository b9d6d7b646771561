import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { RULES } from './rules.ts';

test('docs/simulation.md explains every rule, and no other', () => {
  const page = readFileSync(new URL('../docs/simulation.md', import.meta.url), 'utf8');
  const table = page.slice(
    page.indexOf('| rule | what must hold |'),
    page.indexOf('One thing VRRP'),
  );
  const named = [...table.matchAll(/^\| ([a-z0-9 ]+) \|/gm)].map(([, name]) => name);
  assert.deepEqual(named.slice(1), [...RULES]);
});
