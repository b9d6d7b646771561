/** The scripts of a push, run by this machine's sh. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CHANGED_MEANWHILE, RESTORE, SWITCH } from './scripts.ts';

const OLD = `# the old file\n${'# '.repeat(4000)}\n`;
const NEW = '# the new file\n';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-push-scripts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evergate.yaml');
  const waiting = `${file}.push-1`;
  writeFileSync(file, OLD, { mode: 0o640 });
  writeFileSync(waiting, NEW, { mode: 0o640 });
  return { folder, file, waiting, kept: `${file}.old` };
}

function run(script: string, words: readonly string[]) {
  const { status, stderr } = spawnSync('sh', ['-c', script, 'push', ...words], {
    encoding: 'utf8',
  });
  return { code: status, stderr };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test('a full disk took the only copy of the old file: the new one was put in its place all the same', (t) => {
  const { folder, file, waiting, kept } = setUp(t);
  writeFileSync(kept, '# of a push long ago\n');
  // No file may grow beyond 1 KiB: the new one has room, the copy of the old one has not.
  const { code } = run(`ulimit -f 2\n${SWITCH}`, [file, waiting, kept, digest(OLD)]);
  assert.notEqual(code, 0);
  assert.equal(readFileSync(file, 'utf8'), OLD);
  assert.equal(readFileSync(kept, 'utf8'), '# of a push long ago\n');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('a link to the file became a file, and what it led to stayed old', (t) => {
  const { folder, file, waiting, kept } = setUp(t);
  mkdirSync(join(folder, 'managed'));
  const real = join(folder, 'managed', 'cluster.yaml');
  writeFileSync(real, OLD, { mode: 0o640 });
  rmSync(file);
  symlinkSync('managed/cluster.yaml', file);
  const { code, stderr } = run(SWITCH, [file, waiting, kept, digest(OLD)]);
  assert.equal(code, 0, stderr);
  assert.equal(readlinkSync(file), 'managed/cluster.yaml');
  assert.equal(readFileSync(real, 'utf8'), NEW);
  assert.equal(statSync(real).mode & 0o777, 0o640);
  assert.ok(lstatSync(kept).isFile());
  assert.equal(readFileSync(kept, 'utf8'), OLD);
  const restored = run(RESTORE, [file, digest(NEW), kept, digest(OLD)]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(readlinkSync(file), 'managed/cluster.yaml');
  assert.equal(readFileSync(real, 'utf8'), OLD);
  assert.deepEqual(readdirSync(folder).toSorted(), [
    'evergate.yaml',
    'evergate.yaml.old',
    'managed',
  ]);
  assert.deepEqual(readdirSync(join(folder, 'managed')), ['cluster.yaml']);
});

test('a link that leads to nothing yet gets its file there, and loses it again', (t) => {
  const { folder, file, waiting, kept } = setUp(t);
  rmSync(file);
  symlinkSync('later.yaml', file);
  assert.equal(run(SWITCH, [file, waiting, kept, 'none']).code, 0);
  assert.equal(readFileSync(join(folder, 'later.yaml'), 'utf8'), NEW);
  assert.equal(run(RESTORE, [file, digest(NEW), kept, 'none']).code, 0);
  assert.deepEqual(readdirSync(folder), ['evergate.yaml']);
});

test('what somebody else wrote since the node was looked at was lost', (t) => {
  const { file, waiting, kept } = setUp(t);
  const { code, stderr } = run(SWITCH, [file, waiting, kept, digest('# what was looked at\n')]);
  assert.equal(code, CHANGED_MEANWHILE);
  assert.match(stderr, /has been changed by somebody else meanwhile/);
  assert.equal(readFileSync(file, 'utf8'), OLD);
  assert.equal(readFileSync(waiting, 'utf8'), NEW);
});
