/**
 * All tests of pure modules in one process: they share nothing that one of them changes, and starting a
 * process for each took twice as long as running them. `node --test FILE` runs one of them as before.
 */

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const FOLDERS = [
  'src/{core,config,vrrp,address/rules,health,balance,stats,tracking}',
  'test/{golden,tidy}',
];

const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.test.ts`)).sort();
const loaded = Promise.withResolvers<number>();

// The first of all, so that none is over before the last is known: with the last that it knows of, the runner ends.
test('all files of pure tests are loaded', async () => {
  assert.ok((await loaded.promise) > 0);
});

for (const file of files) await import(resolve(file));
loaded.resolve(files.length);
