/** `evergate run` as a command: what it says of wrong files and arguments, before anything is started. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

const GOOD = `listen a
  timeout client 1h
  timeout connect 1s
  timeout server 1h
  bind 127.0.0.1:8443
  server s 127.0.0.1:9999
`;

function evergate(...args: string[]) {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, [MAIN, ...args], options);
}

function linesOfWrongFile(folder: string, errors: number): readonly string[] {
  const file = join(folder, 'h.cfg');
  writeFileSync(file, GOOD + '  bnd :80\n'.repeat(errors));
  const { status, stderr } = evergate('run', '--haproxy', file, '--run-dir', join(folder, 'run'));
  assert.equal(status, 1);
  return stderr.trim().split('\n');
}

test('run with a wrong file tells the first errors and how many more there are', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-run-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const told = (lines: readonly string[]) => lines.filter((line) => line.includes('"bnd"')).length;
  const few = linesOfWrongFile(folder, 20);
  assert.equal(told(few), 20);
  assert.ok(!few.some((line) => line.includes('more;')));
  const many = linesOfWrongFile(folder, 25);
  assert.equal(told(many), 20);
  assert.match(many.at(-2) ?? '', /error +\.\.\. and 5 more; see evergate check$/);
  assert.match(many.at(-1) ?? '', /nothing was started \[config-invalid\]$/);
});

test('run --help shows the default of --balancer-grace as one would write it', () => {
  const { stdout } = evergate('run', '--help');
  assert.match(
    stdout.replaceAll(/\s+/g, ' '),
    /e\.g\. 500ms \(default: 1s, or as evergate\.yaml says\)/,
  );
});

test('complaints about arguments begin with the name of the program', () => {
  for (const args of [['run'], ['run', '--bogus'], ['lab', 'logs', '--bogus'], ['--bogus']]) {
    assert.match(evergate(...args).stderr, /^evergate: error: /, args.join(' '));
  }
  const hedge = evergate('run', '--keepalived', 'k.conf', '--hedge').stderr;
  assert.match(
    hedge,
    /^evergate: error: --hedge goes with --haproxy FILE; evergate\.yaml has the key/,
  );
  const { stderr } = evergate('run', '--balancer-grace', 'soon');
  assert.match(stderr, /^evergate: error: .*'soon' is invalid\. Write it as 500ms or 1s\./);
});
