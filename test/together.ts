/**
 * Test files in one process, whose paths are its arguments: they share nothing that one of them changes, and to start
 * a process for each took twice as long as to run them. `node --test FILE` runs one of them alone.
 */

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';

const files = process.argv.slice(2);
const loaded = Promise.withResolvers<number>();

// The first of all, so that none is over before the last is known: with the last that it knows of, the runner ends.
test(`${files.length} files are loaded`, async () => {
  assert.ok((await loaded.promise) > 0);
});

for (const file of files) await import(resolve(file));
loaded.resolve(files.length);
