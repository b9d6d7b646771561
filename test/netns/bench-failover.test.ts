/** bench/failover works: a smoke run measures its two faults and keeps what was measured before. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { missingPrerequisites } from '../../src/lab/prerequisites.ts';

const RUN = 'bench/failover/run.ts';
const RESULTS = 'bench/results/failover.json';
/** Guards against hanging. */
const SMOKE_MS_MAX = 400_000;

const missing = (await missingPrerequisites()).map(({ what }) => what);
const skip = missing.length === 0 ? false : missing.join('; ');

test('a smoke run measures something and draws no conclusion', { skip }, () => {
  const saved = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : null;
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--smoke'], {
    encoding: 'utf8',
    timeout: SMOKE_MS_MAX,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^\| balancer SIGKILL \| \d+ \|$/m);
  assert.match(stdout, /^\| apiserver SIGKILL \| \d+ \|$/m);
  assert.match(stdout, /the figures mean nothing/);
  assert.equal(existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : null, saved);
});

test('a wrong fault is refused by a line that knows the right ones', () => {
  const { status, stderr } = spawnSync(process.execPath, [RUN, '--only', 'nope'], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^"--only" knows no "nope"; it knows balancer-kill, /);
});
