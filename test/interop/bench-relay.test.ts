/** bench/relay works: a smoke run measures each part once, judges nothing and writes nothing. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { test } from 'node:test';
import { whyNoNamespaces } from '../kit/network.ts';
import { findCommand } from '../kit/peers.ts';

const RUN = 'bench/relay/run.ts';
const RESULTS = 'bench/results/relay.json';
/** Guards against hanging. */
const SMOKE_MS_MAX = 400_000;

const skip = whyNot();

function whyNot(): string | false {
  const missing = ['wrk', 'nginx', 'haproxy', 'taskset'].filter(
    (command) => findCommand(command) === null,
  );
  if (missing.length > 0) return `${missing.join(', ')} missing`;
  if (cpus().length < 2) return 'two processors are needed';
  return whyNoNamespaces() ?? false;
}

test('a smoke run measures everything and draws no conclusion', { skip }, () => {
  const saved = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : null;
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--smoke'], {
    encoding: 'utf8',
    timeout: SMOKE_MS_MAX,
  });
  assert.equal(status, 0, stdout + stderr);
  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  const cellsOf = (measure: string) =>
    rows.map((line) => line.split(' | ')).find((cells) => cells[0]?.startsWith(`| ${measure}`));
  for (const measure of ['request,', 'connection,', 'stream,', 'requests per second,']) {
    const cells = cellsOf(measure);
    assert.ok(Number(cells?.[3]?.replaceAll(',', '')) > 0, `${measure} ours: ${cells}`);
    assert.ok(Number(cells?.[5]) > 0, `${measure} ratio: ${cells}`);
  }
  for (const measure of ['added p99,', 'user memory,', 'kernel memory,', 'guardian + balancer,']) {
    assert.ok(cellsOf(measure) !== undefined, `${measure} in ${stdout}`);
  }
  assert.ok(
    rows.some((line) => line.includes('50 open, 100 servers')),
    stdout,
  );
  assert.match(stdout, /the figures mean nothing/);
  assert.doesNotMatch(stdout, /missed/);
  assert.equal(existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : null, saved);
});

test('an unknown part is refused by a line that knows the right ones', () => {
  const { status, stderr } = spawnSync(process.execPath, [RUN, '--only', 'nope'], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^"--only" knows no "nope"; it knows cost, threads, /);
});
