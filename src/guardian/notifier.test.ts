import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { NotifyCommand } from '../config/model/election.ts';
import { NO_NOTIFY } from '../config/vrrp-defaults.ts';
import { OperationalError } from '../core/errors.ts';
import { Notifier, type NotifierConfig } from './notifier.ts';

/** Scripts of the tests append to `out`. */
function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'eg-notify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'out');
  writeFileSync(out, '');
  const logged: string[] = [];
  const command = (script: string): NotifyCommand => ({
    argv: ['/bin/sh', '-c', `${script} >>"${out}"`, 'sh'],
    user: null,
    group: null,
  });
  const start = (config: Partial<NotifierConfig>): Notifier => {
    const empty = { instances: [], syncGroups: [], notifyFifos: [] };
    const notifier = new Notifier({ ...empty, ...config }, (_level, text) => logged.push(text));
    t.after(() => notifier.close(0));
    return notifier;
  };
  const lines = () => readFileSync(out, 'utf8').split('\n').slice(0, -1);
  return { folder, out, logged, command, start, lines };
}

describe('Notifier', { timeout: 300_000 }, () => {
  it('runs scripts one after the other, in the order of the changes', async (t) => {
    const { command, start, lines } = setUp(t);
    const notify = {
      ...NO_NOTIFY,
      backup: command('sleep 0.2; echo backup'),
      master: command('sleep 0.1; echo master'),
      stop: command('echo stop'),
      any: command('echo "$@"'),
    };
    const notifier = start({ instances: [{ name: 'VI_1', notify }] });
    notifier.instance('VI_1', 'backup', 100);
    notifier.instance('VI_1', 'master', 102);
    notifier.instance('VI_1', 'fault', 102);
    notifier.instance('VI_1', 'initialize', 102);
    assert.deepEqual(lines(), []);
    await notifier.close(10_000);
    assert.deepEqual(lines(), [
      'backup',
      'INSTANCE VI_1 BACKUP 100',
      'master',
      'INSTANCE VI_1 MASTER 102',
      'INSTANCE VI_1 FAULT 102',
      'stop',
      'INSTANCE VI_1 STOP 102',
    ]);
  });

  it('tells of sync groups, with priority 0', async (t) => {
    const { command, start, lines } = setUp(t);
    const notify = { ...NO_NOTIFY, stop: command('echo stop'), any: command('echo "$@"') };
    const notifier = start({ syncGroups: [{ name: 'G1', notify }] });
    notifier.group('G1', 'master');
    notifier.group('G1', 'initialize');
    await notifier.close(10_000);
    assert.deepEqual(lines(), ['GROUP G1 MASTER 0', 'stop', 'GROUP G1 STOP 0']);
  });

  it('goes on after a script that fails or cannot run, and says so', async (t) => {
    const { command, start, lines, logged } = setUp(t);
    const none = { argv: ['/does/not/exist'], user: null, group: null };
    const notify = { ...NO_NOTIFY, backup: command('exit 3'), master: none };
    const notifier = start({
      instances: [{ name: 'VI_1', notify: { ...notify, any: command('echo "$3"') } }],
    });
    notifier.instance('VI_1', 'backup', 100);
    notifier.instance('VI_1', 'master', 100);
    await notifier.close(10_000);
    assert.deepEqual(lines(), ['BACKUP', 'MASTER']);
    assert.match(logged.join('\n'), /failed: exit code 3\n.*Cannot run "\/does\/not\/exist"/);
  });

  it('does not wait for a script that hangs, neither now nor at the end', async (t) => {
    const { folder, command, start, lines, logged } = setUp(t);
    const gate = join(folder, 'gate');
    const wait = command(`while [ ! -e "${gate}" ]; do sleep 0.02; done; echo late`);
    const notify = { ...NO_NOTIFY, backup: wait, any: command('echo "$3"') };
    const notifier = start({ instances: [{ name: 'VI_1', notify }] });
    for (let count = 0; count < 300; count += 1) notifier.instance('VI_1', 'master', 1);
    notifier.instance('VI_1', 'backup', 1);
    await notifier.close(50);
    assert.match(logged.join('\n'), /^Left out notify script "\/bin\/sh -c .*: too many wait$/m);
    assert.match(logged.join('\n'), /^Left out \d+ notify scripts: earlier ones still run$/m);
    assert.ok(lines().length < 300);
    writeFileSync(gate, '');
  });

  it('writes changes to a FIFO, runs its reader, and removes it', async (t) => {
    const { folder, out, start, lines } = setUp(t);
    const path = join(folder, 'fifo');
    const argv = ['/bin/sh', '-c', `exec cat "$0" >>"${out}"`];
    const reader = { argv, user: null, group: null };
    const notifier = start({
      instances: [{ name: 'VI_1', notify: NO_NOTIFY }],
      syncGroups: [{ name: 'G1', notify: NO_NOTIFY }],
      notifyFifos: [{ path, user: null, group: null, reader }],
    });
    notifier.instance('VI_1', 'master', 100);
    notifier.group('G1', 'master');
    const deadline = performance.now() + 60_000;
    while (lines().length < 2 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(lines(), ['INSTANCE "VI_1" MASTER 100', 'GROUP "G1" MASTER 0']);
    await notifier.close(0);
    assert.equal(existsSync(path), false);
  });

  it('loses lines, and says so once, when nobody reads the FIFO', async (t) => {
    const { folder, start, logged } = setUp(t);
    const path = join(folder, 'fifo');
    const notifier = start({
      instances: [{ name: 'x'.repeat(1000), notify: NO_NOTIFY }],
      notifyFifos: [{ path, user: null, group: null, reader: null }],
    });
    for (let count = 0; count < 100; count += 1) notifier.instance('x'.repeat(1000), 'fault', 1);
    assert.equal(logged.length, 1);
    assert.match(logged.join(), /^Lines to notify FIFO ".*" are lost/);
  });

  it('refuses a FIFO path that something else has, and accounts that do not exist', (t) => {
    const { out, start } = setUp(t);
    const fifo = { path: out, user: null, group: null, reader: null };
    const codeIs = (code: string) => (error: unknown) =>
      error instanceof OperationalError && error.code === code;
    assert.throws(() => start({ notifyFifos: [fifo] }), codeIs('notify-pipe'));
    const notify = { ...NO_NOTIFY, any: { argv: ['/bin/true'], user: 'nobdoy', group: null } };
    assert.throws(
      () => start({ instances: [{ name: 'VI_1', notify }] }),
      codeIs('missing-account'),
    );
  });
});

describe('Notifier, beside changes of state', { timeout: 300_000 }, () => {
  it('tells priorities to the pipes, and rivals to them and to their script', async (t) => {
    const { folder, command, start, lines } = setUp(t);
    const path = join(folder, 'fifo');
    const reader = command('exec cat "$1"');
    const notifier = start({
      instances: [{ name: 'VI_1', notify: { ...NO_NOTIFY, rival: command('echo rival "$@"') } }],
      notifyFifos: [{ path, user: null, group: null, reader }],
    });
    notifier.priority('VI_1', 'master', 102);
    notifier.priority('VI_1', 'backup', 90);
    notifier.rival('VI_1', 102);
    const expected = [
      'INSTANCE "VI_1" BACKUP_PRIORITY 90',
      'INSTANCE "VI_1" MASTER_PRIORITY 102',
      'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 102',
      'rival',
    ];
    const deadline = performance.now() + 60_000;
    while (lines().length < expected.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(lines().toSorted(), expected);
  });
});
