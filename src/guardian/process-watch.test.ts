import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { TrackProcessConfig } from '../config/model/election.ts';
import { type ProcessCount, ProcessWatch } from './process-watch.ts';

const CONFIG: TrackProcessConfig = {
  name: 'proxy',
  command: 'proxy',
  parameters: null,
  fullCommand: false,
  quorum: 1,
  startDelayMs: 0,
  endDelayMs: 0,
};

/** A folder like /proc, with processes of our invention. */
class Machine {
  readonly path = mkdtempSync(join(tmpdir(), 'eg-proc-'));

  constructor(t: TestContext) {
    t.after(() => rmSync(this.path, { recursive: true, force: true }));
    writeFileSync(join(this.path, 'uptime'), '1');
  }

  start(pid: number, ...words: readonly string[]): void {
    mkdirSync(join(this.path, String(pid)));
    writeFileSync(join(this.path, String(pid), 'cmdline'), `${words.join('\0')}\0`);
    const name = (words[0] ?? '').split('/').at(-1) ?? '';
    writeFileSync(join(this.path, String(pid), 'comm'), `${name}\n`);
  }

  end(pid: number): void {
    rmSync(join(this.path, String(pid)), { recursive: true });
  }
}

/** What a watch tells, one after the other; the test runner's own limit bounds the wait. */
function watch(t: TestContext, changes: Partial<TrackProcessConfig>, proc?: string) {
  const counts: ProcessCount[] = [];
  let wake = Promise.withResolvers<void>();
  const process = new ProcessWatch(
    { ...CONFIG, ...changes },
    (count) => {
      counts.push(count);
      wake.resolve();
    },
    proc,
  );
  t.after(() => process.stop());
  return async (): Promise<ProcessCount | undefined> => {
    if (counts.length === 0) await wake.promise;
    wake = Promise.withResolvers<void>();
    return counts.shift();
  };
}

describe('ProcessWatch', { timeout: 300_000 }, () => {
  it('tells the first count, then the end and the return of a process', async (t) => {
    const machine = new Machine(t);
    machine.start(100, '/usr/sbin/proxy');
    const next = watch(t, {}, machine.path);
    assert.deepEqual(await next(), { running: 1, enough: true });
    machine.end(100);
    assert.deepEqual(await next(), { running: 0, enough: false });
    machine.start(101, '/usr/sbin/proxy');
    assert.deepEqual(await next(), { running: 1, enough: true });
  });

  it('asks for the quorum', async (t) => {
    const machine = new Machine(t);
    machine.start(100, 'proxy');
    const next = watch(t, { quorum: 2 }, machine.path);
    assert.deepEqual(await next(), { running: 1, enough: false });
    machine.start(101, 'proxy');
    assert.deepEqual(await next(), { running: 2, enough: true });
  });

  it('compares the whole command line when asked to', async (t) => {
    const machine = new Machine(t);
    machine.start(100, '/bin/proxy', '-f', 'other.cfg');
    machine.start(101, 'proxy', '-f', 'main.cfg');
    machine.start(102, '/bin/proxy', '-f', 'main.cfg');
    const config = { command: '/bin/proxy', fullCommand: true };
    const all = watch(t, config, machine.path);
    assert.equal((await all())?.running, 2);
    const one = watch(t, { ...config, parameters: ['-f', 'main.cfg'] }, machine.path);
    assert.equal((await one())?.running, 1);
  });

  it('passes over an end shorter than the delay', async (t) => {
    const machine = new Machine(t);
    machine.start(100, 'proxy');
    const next = watch(t, { endDelayMs: 400 }, machine.path);
    assert.equal((await next())?.enough, true);
    machine.end(100);
    const endedAt = performance.now();
    assert.equal((await next())?.enough, false);
    assert.ok(performance.now() - endedAt >= 400);
  });

  it('sees real processes', async (t) => {
    // Others may run this test, too.
    const parameters = [`86399.${process.pid}`];
    const child: ChildProcess = spawn('sleep', parameters, { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    const next = watch(t, { command: 'sleep', fullCommand: true, parameters });
    const first = await next();
    if (first?.enough === false) assert.equal((await next())?.enough, true);
    child.kill('SIGKILL');
    assert.deepEqual(await next(), { running: 0, enough: false });
  });
});
