/**
 * Times of the election come from CLOCK_BOOTTIME (linux/clock.ts), which nobody can set. UTC stands only in
 * sequence numbers, which must go on over a restart.
 */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDERS = ['src/vrrp', 'src/election/vrrp', 'src/address', 'src/address/rules'];
/** They make sequence numbers. */
const MAY = ['src/election/vrrp/authenticated-socket.ts', 'src/election/vrrp/signing.ts'];
const SETTABLE = /\bDate\b|performance\.|CLOCK_REALTIME|hrtime/;

test('no time of the election comes from a clock that can be set', () => {
  const files = FOLDERS.flatMap((folder) => globSync(`${folder}/*.ts`));
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  assert.ok(sources.length > 20);
  const found = sources.filter((file) => SETTABLE.test(readFileSync(file, 'utf8')));
  assert.deepEqual(found.toSorted(), MAY);
  const clock = readFileSync('src/linux/clock.ts', 'utf8');
  assert.match(clock, /const CLOCK_BOOTTIME = 7;/);
  assert.match(clock, /clockGettime\(CLOCK_BOOTTIME,/);
});
