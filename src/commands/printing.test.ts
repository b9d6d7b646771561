/** What becomes of a command whose output goes nowhere. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

/** Runs it in a shell, with `rest` behind it. */
function evergate(command: string, rest: string) {
  const script = `"${process.execPath}" "${MAIN}" ${command} ${rest}`;
  return spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
}

test('a reader that leaves ends a command quietly, with the exit code it has', () => {
  const unread = (command: string) => {
    const { stdout, stderr } = evergate(command, '| true; echo "$PIPESTATUS"');
    return { code: stdout.trim(), stderr };
  };
  for (const command of ['--help', 'run --help', '--version', 'schema', 'lab --help']) {
    assert.deepEqual(unread(command), { code: '0', stderr: '' }, command);
  }
  const { code, stderr } = unread('status --json --run-dir /nonexistent');
  assert.equal(code, '2');
  assert.match(stderr, /^evergate: error: Evergate is not running with .*\n$/);
});

test('what cannot be printed is said, with exit code 1', () => {
  for (const command of ['--help', 'schema', 'lab clean --bogus --help']) {
    const { status, stderr } = evergate(command, '>/dev/full');
    assert.equal(status, 1, command);
    assert.equal(
      stderr,
      'evergate: error: Standard output cannot be written: ' +
        'no space left on device (ENOSPC) [not-printed]\n',
    );
  }
});

test('a complaint that nobody can read changes no exit code', () => {
  assert.equal(evergate('status --run-dir /nonexistent', '2>/dev/full').status, 2);
  assert.equal(evergate('--bogus', '2>/dev/full').status, 1);
  assert.equal(evergate('run', '2>/dev/full').status, 1);
});
