/**
 * `evergate manifest`, golden: an evergate.yaml, a line of dashes, what is said, another line of dashes, the pod.
 *
 * `UPDATE_GOLDEN=1 node --test test/golden/static-pod.test.ts` writes what comes out; read the difference.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';

const FOLDER = join(import.meta.dirname, 'static-pod');
const SEPARATOR = '----------\n';
const updating = process.env.UPDATE_GOLDEN === '1';
const folder = mkdtempSync(join(tmpdir(), 'eg-pod-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const names = readdirSync(FOLDER).toSorted();

test('there are golden files', () => assert.ok(names.length >= 4));

for (const name of names) {
  test(`manifest makes of ${name} what it says`, () => {
    const path = join(FOLDER, name);
    const golden = readFileSync(path, 'utf8');
    const [input = ''] = golden.split(SEPARATOR);
    writeFileSync(join(folder, 'evergate.yaml'), input);
    const args = [
      'manifest',
      '--config',
      'evergate.yaml',
      '--image',
      'registry.example/evergate:1',
    ];
    const { status, stdout, stderr } = spawnSync(resolve('bin/evergate'), args, {
      encoding: 'utf8',
      cwd: folder,
    });
    assert.equal(status, name.startsWith('bad-') ? 1 : 0, stderr);
    const actual = [input, stderr, stdout].join(SEPARATOR);
    if (updating) writeFileSync(path, actual);
    else assert.equal(actual, golden);
    if (status !== 0) return;
    const { spec } = parse(stdout);
    const mounted = spec.containers[0].volumeMounts.map((mount: { name: string }) => mount.name);
    const volumes = spec.volumes.map((volume: { name: string }) => volume.name);
    assert.deepEqual(mounted, volumes, 'each volume is mounted, and nothing else');
  });
}
