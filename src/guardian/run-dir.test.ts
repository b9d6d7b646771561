import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BALANCER_TITLE } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { commandOf } from './process-table.ts';
import { RunDir } from './run-dir.ts';

let parent = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'evergate-run-dir-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('RunDir', () => {
  it('writes its pid and leaves nothing but the directory behind', () => {
    const path = join(parent, 'deep', 'run');
    const runDir = new RunDir(path);
    assert.equal(readFileSync(join(path, 'guardian.pid'), 'utf8'), `${process.pid}\n`);
    runDir.writePid('balancer', 123);
    runDir.writePid('spare', 124);
    runDir.release();
    assert.deepEqual(readdirSync(path), []);
  });

  it('refuses a directory in use, and names its guardian', () => {
    const first = new RunDir(parent);
    assert.throws(
      () => new RunDir(parent),
      (error) =>
        error instanceof OperationalError &&
        error.code === 'already-running' &&
        error.message.includes(`guardian ${process.pid}`),
    );
    first.release();
    new RunDir(parent).release();
  });

  it('refuses a path that cannot be a directory', () => {
    writeFileSync(join(parent, 'file'), '');
    assert.throws(
      () => new RunDir(join(parent, 'file')),
      (error) => error instanceof OperationalError && error.code === 'run-dir',
    );
  });

  it('removes the admin socket of a guardian that was killed', () => {
    writeFileSync(join(parent, 'admin.sock'), '');
    const runDir = new RunDir(parent);
    assert.equal(existsSync(runDir.adminSocket), false);
    runDir.release();
  });

  it('knows what a guardian that was killed has left running, and takes nobody else for it', async () => {
    const runDir = new RunDir(parent);
    runDir.writePid('balancer', process.pid);
    assert.equal(
      runDir.childOf('balancer'),
      null,
      'a pid that is not a balancer was taken for one',
    );

    const code = `process.title = ${JSON.stringify(BALANCER_TITLE)}; setInterval(() => {}, 1e6); console.log('up')`;
    const orphan = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(orphan.stdout, 'data');
      assert.equal(commandOf(orphan.pid ?? 0), BALANCER_TITLE);
      runDir.writePid('spare', orphan.pid ?? 0);
      runDir.writePid('reaper', orphan.pid ?? 0);
      assert.equal(runDir.childOf('spare'), orphan.pid);
      assert.equal(runDir.childOf('reaper'), null, 'a balancer is no reaper');
      runDir.release();
      assert.deepEqual(readdirSync(parent), ['spare.pid'], 'the trace of one that runs is kept');
    } finally {
      orphan.kill('SIGKILL');
    }
  });
});
