import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
  it('writes its pid and leaves nothing behind but a directory that was there', () => {
    const path = join(parent, 'deep', 'run');
    const runDir = new RunDir(path);
    assert.equal(readFileSync(join(path, 'guardian.pid'), 'utf8'), `${process.pid}\n`);
    runDir.writePid('balancer', 123);
    runDir.writePid('spare', 124);
    runDir.release();
    assert.deepEqual(readdirSync(parent), []);
    mkdirSync(path, { recursive: true });
    new RunDir(path).release();
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

  it('refuses a guardian.pid that leads elsewhere, and leaves what is there as it is', () => {
    writeFileSync(join(parent, 'precious'), 'precious');
    symlinkSync('precious', join(parent, 'guardian.pid'));
    assert.throws(
      () => new RunDir(parent),
      (error) => error instanceof OperationalError && error.code === 'run-dir',
    );
    assert.equal(readFileSync(join(parent, 'precious'), 'utf8'), 'precious');
  });

  it('keeps what an earlier speaker has left, with room for what comes', () => {
    const path = join(parent, 'mastership');
    writeFileSync(path, 'notes');
    const runDir = new RunDir(parent);
    assert.equal(runDir.prepareMastership(), path);
    const content = readFileSync(path, 'latin1');
    assert.ok(content.startsWith('notes\0') && content.length === 64 << 10);
    rmSync(path);
    symlinkSync('guardian.pid', path);
    assert.throws(() => runDir.prepareMastership(), /ELOOP/);
    runDir.release();
  });

  it('writes pids through no link', () => {
    const runDir = new RunDir(parent);
    writeFileSync(join(parent, 'precious'), 'precious');
    for (const name of ['balancer.pid', 'balancer.pid.new']) {
      symlinkSync('precious', join(parent, name));
    }
    runDir.writePid('balancer', 123);
    assert.equal(readFileSync(join(parent, 'precious'), 'utf8'), 'precious');
    assert.equal(readFileSync(join(parent, 'balancer.pid'), 'utf8'), '123\n');
    rmSync(join(parent, 'precious'));
    runDir.release();
    assert.deepEqual(readdirSync(parent), []);
  });

  it('refuses a directory that others can write, or that lies in one', () => {
    mkdirSync(join(parent, 'open', 'ours'), { recursive: true });
    chmodSync(join(parent, 'open'), 0o777);
    for (const path of [join(parent, 'open'), join(parent, 'open', 'ours')]) {
      assert.throws(
        () => new RunDir(path),
        (error) =>
          error instanceof OperationalError &&
          error.code === 'run-dir' &&
          /every account can write ".*open" \(mode 0777\)/.test(error.message),
      );
      assert.deepEqual(
        readdirSync(path).filter((name) => name.endsWith('.pid')),
        [],
      );
    }
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
