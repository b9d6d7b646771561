import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MastershipFile } from './mastership.ts';
import { Vigil } from './vigil.ts';

const SILENCES = new Map([
  ['fast', 100],
  ['slow', 400],
]);

function fileOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-vigil-'));
  const mastershipFile = join(folder, 'mastership');
  const file = new MastershipFile(mastershipFile);
  const vigil = new Vigil({ mastershipFile, silencesMs: SILENCES });
  t.after(() => {
    vigil.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { vigil, fast: file.record('fast'), slow: file.record('slow') };
}

test('a node that is master of nothing is looked at as often as it could be one', (t) => {
  const { vigil } = fileOf(t);
  assert.deepEqual(vigil.look(5000), { silent: false, nextAt: 5100 });
});

test('a master is silent when its last sign is as old as its election says', (t) => {
  const { vigil, fast, slow } = fileOf(t);
  fast.note(5000, 100);
  slow.note(5000, 100);
  assert.deepEqual(vigil.look(5020), { silent: false, nextAt: 5100 });
  assert.equal(vigil.look(5100).silent, true);
  fast.live(5090);
  assert.deepEqual(vigil.look(5100), { silent: false, nextAt: 5190 });
  fast.forget();
  assert.deepEqual(vigil.look(5350), { silent: false, nextAt: 5400 });
  assert.equal(vigil.look(5400).silent, true);
});

test('a silence that is dealt with is none until there was another sign of life', (t) => {
  const { vigil, fast } = fileOf(t);
  fast.note(5000, 100);
  assert.equal(vigil.look(6000).silent, true);
  vigil.settle();
  assert.deepEqual(vigil.look(6000), { silent: false, nextAt: 6100 });
  fast.note(7000, 100);
  assert.deepEqual(vigil.look(7000), { silent: false, nextAt: 7100 });
  assert.equal(vigil.look(7100).silent, true);
});

test('an election without instances needs no looks', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-vigil-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mastershipFile = join(folder, 'mastership');
  new MastershipFile(mastershipFile).record('fast').note(1, 1);
  const vigil = new Vigil({ mastershipFile, silencesMs: new Map() });
  assert.deepEqual(vigil.look(5000), { silent: false, nextAt: Number.POSITIVE_INFINITY });
  vigil.close();
});
