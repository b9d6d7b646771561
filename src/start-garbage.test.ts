import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { dropGarbageNow } from './start-garbage.ts';

setFlagsFromString('--expose-gc');
globalThis.gc = runInNewContext('gc');

const BUFFERS = 2000;
const EACH_BYTES = 32 << 10;
/** Those that stay lie between those that go: the C library would keep what is below them. */
const KEPT = 100;

test('dropGarbageNow() gives back what was freed, to the system', () => {
  dropGarbageNow();
  let all = Array.from({ length: BUFFERS }, () => Buffer.alloc(EACH_BYTES, 1));
  const full = process.memoryUsage.rss();
  all = all.filter((_, index) => index % KEPT === 0);
  dropGarbageNow();
  const given = full - process.memoryUsage.rss();
  assert.equal(all.length, BUFFERS / KEPT);
  assert.ok(given > (BUFFERS * EACH_BYTES) / 2, `${given} bytes`);
});
