/** bench/admission works: a smoke run has every client answered, and judges nothing else. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const RUN = 'bench/admission/run.ts';
/** Guards against hanging. */
const SMOKE_MS_MAX = 400_000;

test('a smoke run has every client answered', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--smoke'], {
    encoding: 'utf8',
    timeout: SMOKE_MS_MAX,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^Evergate: 60 clients answered .* 0 failed/m);
  assert.match(stdout, /^Evergate without admission: 60 clients answered .* 0 failed/m);
  assert.match(stdout, /the figures mean nothing/);
});
