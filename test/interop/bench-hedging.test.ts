/** bench/hedging works: a smoke run has every client answered, and judges nothing else. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const RUN = 'bench/hedging/run.ts';
/** Guards against hanging. */
const SMOKE_MS_MAX = 400_000;

for (const more of [[], ['--hung']]) {
  test(['a smoke run has every client answered', ...more].join(' '), () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--smoke', ...more], {
      encoding: 'utf8',
      timeout: SMOKE_MS_MAX,
    });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^60 clients: \d+ hellos .* 0 failed$/m);
    assert.match(stdout, /the figures mean nothing/);
  });
}
