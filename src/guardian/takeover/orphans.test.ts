import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import { BALANCER_TITLE } from '../../contracts/run-directory.ts';
import { commandOf, hasEnded } from '../process-table.ts';
import { RunDir } from '../run-dir.ts';
import { DescriptorStore } from '../service/descriptor-store.ts';
import { Orphans } from './orphans.ts';

describe('Orphans', () => {
  let folder = '';
  let started: ChildProcess[] = [];
  let lines: string[] = [];
  let runDir: RunDir;
  const log = (_: string, text: string) => void lines.push(text);
  const path = (role: string) => join(folder, `${role}.pid`);
  const noted = (role: string): number | null =>
    existsSync(path(role)) ? Number(readFileSync(path(role), 'utf8')) : null;
  const orphans = () => new Orphans(runDir, new DescriptorStore(null, log), log);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eg-orphans-'));
    runDir = new RunDir(folder);
    lines = [];
  });
  afterEach(() => {
    for (const child of started) child.kill('SIGKILL');
    started = [];
    runDir.release();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A process that passes for a balancer in this role, and listens. Its pid. */
  async function left(role: string): Promise<number> {
    const code = `process.title = '${BALANCER_TITLE}'; require('node:net').createServer().listen(0, '127.0.0.1')`;
    const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
    started.push(child);
    const { pid = -1 } = child;
    await waitUntil('it has its title', () => commandOf(pid) === BALANCER_TITLE);
    writeFileSync(path(role), `${pid}\n`);
    return pid;
  }

  it('left a balancer serving that a start before had taken over, which ended over a busy port', async () => {
    const serving = await left('balancer');
    // The first two fail; what they open they close.
    for (const start of [1, 2]) {
      const here = orphans();
      (await here.takeSockets()).close();
      assert.ok(here.serves, `start ${start}`);
      assert.equal(noted('retired'), serving);
      await here.close();
      assert.equal(hasEnded(serving), false, `start ${start}`);
      assert.deepEqual([noted('balancer'), noted('retired')], [serving, null]);
    }
    // A process that was killed in its start has tidied nothing up.
    (await orphans().takeSockets()).close();
    const last = orphans();
    (await last.takeSockets()).close();
    assert.ok(last.serves);
    assert.doesNotMatch(lines.join(), /Ends/);
    last.retire();
    await waitUntil('it has ended', () => hasEnded(serving));
  });

  it('has the next start find the one that serves, also where a new one had been started', async () => {
    const serving = await left('balancer');
    const here = orphans();
    (await here.takeSockets()).close();
    await left('balancer');
    await here.close();
    assert.deepEqual([noted('balancer'), noted('retired')], [serving, null]);
  });

  it('ends one that only finishes its connections', async () => {
    const [finishing, serving] = [await left('retired'), await left('balancer')];
    const here = orphans();
    (await here.takeSockets()).close();
    assert.ok(hasEnded(finishing));
    assert.equal(noted('retired'), serving);
    await here.end();
    assert.ok(hasEnded(serving));
    assert.equal(here.serves, false);
  });
});
