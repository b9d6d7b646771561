import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { TrackFileConfig } from '../config/model/election.ts';
import { FileWatch } from './file-watch.ts';

function setUp(t: TestContext, changes: Partial<TrackFileConfig> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'eg-file-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    name: 'load',
    path: join(folder, 'load'),
    initialValue: null,
    overwrite: false,
    ...changes,
  };
  const values: number[] = [];
  const failures: string[] = [];
  let wake = Promise.withResolvers<void>();
  const start = () => {
    const watch = new FileWatch(
      config,
      (value) => {
        values.push(value);
        wake.resolve();
      },
      (text) => failures.push(text),
    );
    t.after(() => watch.stop());
  };
  const next = async (): Promise<number | undefined> => {
    if (values.length === 0) await wake.promise;
    wake = Promise.withResolvers<void>();
    return values.shift();
  };
  return { path: config.path, start, next, failures };
}

describe('FileWatch', { timeout: 300_000 }, () => {
  it('tells the number and its changes; nothing and nonsense are 0', async (t) => {
    const { path, start, next } = setUp(t);
    writeFileSync(path, ' -12\n');
    start();
    assert.equal(await next(), -12);
    writeFileSync(path, '7');
    let value = await next();
    // A write is not one step: the empty file may be seen.
    if (value === 0) value = await next();
    assert.equal(value, 7);
    rmSync(path);
    assert.equal(await next(), 0);
    writeFileSync(path, '5 apples');
    assert.equal(await next(), 5);
    writeFileSync(path, 'apples');
    assert.equal(await next(), 0);
  });

  it('makes the file where there is none, and keeps one that is there', async (t) => {
    const made = setUp(t, { initialValue: 3 });
    made.start();
    assert.equal(await made.next(), 3);
    assert.equal(readFileSync(made.path, 'utf8'), '3\n');
    const kept = setUp(t, { initialValue: 3 });
    writeFileSync(kept.path, '4');
    kept.start();
    assert.equal(await kept.next(), 4);
    const lost = setUp(t, { initialValue: 3, overwrite: true });
    writeFileSync(lost.path, '4');
    lost.start();
    assert.equal(await lost.next(), 3);
  });

  it('says when the file cannot be made', async (t) => {
    const { start, next, failures } = setUp(t, { path: '/does/not/exist', initialValue: 1 });
    start();
    assert.equal(await next(), 0);
    assert.match(failures.join(), /^Cannot write tracked file "\/does\/not\/exist"/);
  });
});
