import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameRemover } from './remover.ts';

test('nameRemover() names a process of this network, and nobody else', () => {
  assert.match(nameRemover(process.pid), new RegExp(`^ by ".+" \\(process ${process.pid}\\)$`));
  // The kernel itself, one of its threads, and nobody.
  for (const port of [0, 2, 4_000_000_000]) assert.equal(nameRemover(port), '');
});
