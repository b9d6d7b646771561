import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isNotFilledIn } from './write-config.ts';

const MODULE = join(import.meta.dirname, 'write-config.ts');

/** Takes the path and the text as words; under a limit of 1 KiB for a file, which cuts a write short as a full disk does. */
const WRITE = `
import { writeConfig } from ${JSON.stringify(MODULE)};
writeConfig(process.argv[1], process.argv[2]);
`;

test('a disk that took a part of the file made that part the configuration', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-write-config-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evergate.yaml');
  writeFileSync(file, '# the old file\n');
  const write = [
    process.execPath,
    '--input-type=module',
    '-e',
    WRITE,
    '--',
    file,
    '#'.repeat(3000),
  ];
  const limited = ['-c', 'ulimit -f 2; exec "$@"', 'sh', ...write];
  const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
  assert.equal(readFileSync(file, 'utf8'), '# the old file\n');
  assert.deepEqual(readdirSync(folder), ['evergate.yaml']);
  assert.match(stderr, /cannot be written: .*\(EFBIG\)/);
  assert.equal(status, 1);
});

test('isNotFilledIn() knows a file of comments from one that says something, and from none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-write-config-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evergate.yaml');
  assert.equal(isNotFilledIn(file), false);
  writeFileSync(file, '# vip: 192.168.1.94/24\n\n  # listen\n');
  assert.equal(isNotFilledIn(file), true);
  writeFileSync(file, '# all\nvip: 192.168.1.94/24\n');
  assert.equal(isNotFilledIn(file), false);
});
