import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchBuiltins } from './builtin-imports.ts';

test('fetchBuiltins() fetches what is used of a module of Node, and leaves other imports as they are', () => {
  const text = [
    'import { Relay } from "./chunk-X.js";',
    'read("x");',
    'import { join } from "node:path";',
    'import { readFileSync as read,',
    '  statSync } from "node:fs";',
    'import net from "node:net";',
    'import "./chunk-Y.js";',
  ];
  assert.deepEqual(fetchBuiltins('main.js', text.join('\n')).split('\n'), [
    'const { join } = process.getBuiltinModule("node:path");',
    'const { readFileSync: read,',
    '  statSync } = process.getBuiltinModule("node:fs");',
    'const net = process.getBuiltinModule("node:net");',
    'import { Relay } from "./chunk-X.js";',
    'read("x");',
    '',
    '',
    '',
    'import "./chunk-Y.js";',
  ]);
});

test('fetchBuiltins() refuses an import that it does not know', () => {
  for (const strange of [
    'import * as fs from "node:fs";',
    'export { join } from "node:path";',
    'import "node:net";',
  ]) {
    assert.throws(() => fetchBuiltins('main.js', strange), /main\.js has "/);
  }
});
