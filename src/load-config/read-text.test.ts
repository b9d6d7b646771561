/** readText(): what is read, what is refused, and that neither takes for ever or more than the limit. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readText } from './read-text.ts';

const MIB = 1024 * 1024;

function fileOf(t: TestContext, content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'eg-read-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'file'), content);
  return join(folder, 'file');
}

function problemOf(path: string): string | null {
  const read = readText(path, MIB);
  return 'problem' in read ? read.problem : null;
}

test('readText() reads a file of just the limit whole, through links too', (t) => {
  const text = 'ä'.repeat(MIB / 2);
  const file = fileOf(t, text);
  symlinkSync(file, `${file}-link`);
  assert.deepEqual(readText(`${file}-link`, MIB), { text });
  assert.deepEqual(readText(fileOf(t, ''), MIB), { text: '' });
  assert.equal(problemOf(fileOf(t, `${text}a`)), 'is larger than 1 MiB');
});

test('readText() reads regular files that tell no size', () => {
  const read = readText('/proc/self/status', MIB);
  assert.match('text' in read ? read.text : '', /^Name:/);
});

test('readText() refuses devices, and descriptors that are not there', () => {
  assert.equal(problemOf('/dev/zero'), 'is not a regular file');
  assert.equal(problemOf('/dev/null'), 'is not a regular file');
  assert.equal(problemOf('/dev/fd/99999'), 'does not exist');
});

test('readText() takes a text with letters of another encoding, not bytes without sense', (t) => {
  const latin1 = Buffer.from('# Verfügbarkeit über alles\nfrontend f\n', 'latin1');
  assert.equal(problemOf(fileOf(t, latin1)), null);
  assert.equal(problemOf(fileOf(t, 'a\0b')), 'is not a text file');
  const noise = Buffer.from(Array.from({ length: 500 }, (_, index) => 1 + ((index * 89) % 255)));
  assert.equal(problemOf(fileOf(t, noise)), 'is not a text file');
  assert.equal(problemOf(fileOf(t, Buffer.from('frontend f\n', 'utf16le'))), 'is not a text file');
});
