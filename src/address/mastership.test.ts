import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MastershipFile, MastershipReader, readMastership } from './mastership.ts';

describe('MastershipFile', () => {
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-mastership-'));
    path = join(folder, 'mastership');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('leaves to the next speaker what it was master of', () => {
    const file = new MastershipFile(path);
    assert.equal(file.left('VI_1'), null);
    const [first, second, third] = ['VI_1', 'VI_2', 'VI_3'].map((name) => file.record(name));
    first?.note(1234.5, 100);
    first?.note(2345.5, 99);
    second?.note(2000, 255);
    second?.forget();
    assert.ok(third);
    // Nothing is closed or flushed: the process is as good as killed.
    first?.every(100);
    first?.every(3000);
    const shown = { shownAt: 2345.5, rank: 99, aliveAt: 2345.5, everyMs: 3000 };
    assert.deepEqual([...readMastership(path)], [['VI_1', shown]]);
    const reader = new MastershipReader(path);
    first?.live(2400);
    assert.deepEqual(reader.read().get('VI_1'), { ...shown, aliveAt: 2400 });

    const next = new MastershipFile(path);
    assert.deepEqual(next.left('VI_1'), { ...shown, aliveAt: 2400 });
    assert.equal(next.left('VI_2'), null);
    assert.deepEqual([...readMastership(path)], [], 'it begins anew');
    assert.deepEqual([...reader.read()], []);
    reader.close();
  });

  it('takes no rank that is none, and no sign of life without a time', () => {
    const record = new MastershipFile(path).record('VI_1');
    for (const rank of [0, 256, 1.5]) assert.throws(() => record.note(1, rank), /has a rank/);
    assert.throws(() => record.note(0, 100), /has a time/);
    assert.deepEqual([...readMastership(path)], []);
  });

  it('keeps names apart that are longer than a record', () => {
    const name = 'ü'.repeat(300);
    const file = new MastershipFile(path);
    file.record(name).note(1, 1);
    file.record('VI_2').note(2, 2);
    const next = new MastershipFile(path);
    assert.deepEqual(next.left(name), { shownAt: 1, rank: 1, aliveAt: 1 });
    assert.deepEqual(next.left('VI_2'), { shownAt: 2, rank: 2, aliveAt: 2 });
  });

  it('makes nothing of a file that is damaged, or missing', () => {
    assert.deepEqual([...readMastership(path)], []);
    writeFileSync(path, Buffer.alloc(5000, 0xff));
    assert.deepEqual([...readMastership(path)], []);
    writeFileSync(path, 'VI_1');
    assert.equal(new MastershipFile(path).left('VI_1'), null);
  });

  it('has room for more instances than records, which then are not remembered', () => {
    const file = new MastershipFile(path);
    for (let count = 0; count < 300; count += 1) file.record(`VI_${count}`).note(1, 1);
    assert.equal(readMastership(path).size, 256);
  });
});
