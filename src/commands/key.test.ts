/** `evergate key` as a command: the file it makes, and what it refuses. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseSecret } from '../vrrp/signature.ts';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'eg-key-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** With an umask that would let nobody read it, or everybody. */
function makeKey(cwd: string, file: string, umask = '000') {
  const line = `umask ${umask}; exec "$0" "$@"`;
  const args = ['-c', line, process.execPath, MAIN, 'key', file];
  return spawnSync('sh', args, { cwd, encoding: 'utf8', timeout: 60_000 });
}

test('key makes a file that its owner alone reads, with a key, another one each time', (t) => {
  const folder = folderOf(t);
  const texts = ['000', '777'].map((umask) => {
    const path = join(folder, `${umask}.key`);
    const { status, stdout, stderr } = makeKey(folder, `${umask}.key`, umask);
    assert.equal(status, 0, stderr);
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    const text = readFileSync(path, 'utf8');
    assert.match(text, /^hex:[0-9a-f]{64}\n$/);
    assert.ok(parseSecret(text).ok);
    assert.ok(stdout.includes(`\n       key: ${path}\n`), 'what to write, with the whole path');
    assert.ok(!stdout.includes(text.trim()), 'the key itself is not shown');
    return text;
  });
  assert.notEqual(texts[0], texts[1]);
});

test('key leaves alone what is there, be it a link', (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'old.key'), 'old');
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link.key'));
  for (const name of ['old.key', 'link.key']) {
    const { status, stderr } = makeKey(folder, name);
    assert.equal(status, 1);
    assert.match(stderr, /^evergate: error: ".*" exists and is left as it is: .* \[key-file\]\n$/);
  }
  assert.equal(readFileSync(join(folder, 'old.key'), 'utf8'), 'old');
  assert.throws(() => statSync(join(folder, 'elsewhere')), { code: 'ENOENT' });
});

test('key says what to do where the folder is missing', (t) => {
  const { status, stderr } = makeKey(folderOf(t), 'none/vrrp.key');
  assert.equal(status, 1);
  assert.match(stderr, /cannot be written: .* \(ENOENT\): make its folder first \[key-file\]\n$/);
});
