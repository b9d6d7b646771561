import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  FREE_ID_MAX,
  FREE_ID_MIN,
  findAccount,
  freeIdentities,
  groupId,
  userId,
} from './identity.ts';

test('findAccount() finds an account by name and by number', () => {
  assert.deepEqual(findAccount('root'), { name: 'root', uid: 0, gid: 0 });
  assert.equal(findAccount('0')?.name, 'root');
  assert.equal(userId('root'), 0);
  assert.equal(groupId('root'), 0);
});

test('findAccount() gives null for what does not exist', () => {
  for (const name of ['no-such-account', '', '4294967294', 'root:x', '-1']) {
    assert.equal(findAccount(name), null);
    assert.equal(groupId(name), null);
  }
});

test('becomeIdentity() changes every thread and the groups for good', (t) => {
  if (process.getuid?.() !== 0) return t.skip('Dropping privileges needs root');
  const account = findAccount('nobody');
  assert.ok(account);
  const module = fileURLToPath(new URL('./identity.ts', import.meta.url));
  const code = `
    import { readdirSync, readFileSync } from 'node:fs';
    const { becomeIdentity, findAccount, identityOf } = await import(${JSON.stringify(module)});
    const account = findAccount('nobody');
    becomeIdentity(identityOf(account));
    const seen = readdirSync('/proc/self/task').map((task) =>
      readFileSync('/proc/self/task/' + task + '/status', 'utf8').match(/Uid:\\s+(\\d+)/)?.[1]);
    let back = 'no';
    try { process.setuid(0); back = 'yes'; } catch {}
    console.log(JSON.stringify({ uids: [...new Set(seen)], groups: process.getgroups(), back }));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  assert.equal(run.stderr, '');
  assert.deepEqual(JSON.parse(run.stdout), {
    uids: [String(account.uid)],
    groups: [account.gid],
    back: 'no',
  });
});

const ALL = FREE_ID_MAX - FREE_ID_MIN + 1;

test('freeIdentities() gives different ones, the same for a name, and no more than there are', () => {
  const [one, other] = freeIdentities('/run/evergate', 2);
  assert.ok(one !== undefined && other !== undefined);
  assert.notEqual(one.uid, other.uid);
  for (const { uid, gid, groups } of [one, other]) {
    assert.equal(findAccount(String(uid)), null);
    assert.ok(uid >= FREE_ID_MIN && uid <= FREE_ID_MAX && gid === uid && groups.length === 0);
  }
  assert.deepEqual(freeIdentities('/run/evergate', 2), [one, other]);
  assert.notEqual(freeIdentities('/run/another', 1)[0]?.uid, one.uid);
  const all = freeIdentities('', 2 * ALL).map(({ uid }) => uid);
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.length <= ALL);
});

test('freeIdentities() leaves a number alone that a process has', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('Only root runs something as another account');
  const [first] = freeIdentities('test', 1);
  assert.ok(first !== undefined);
  const child = spawn('sleep', ['60'], { uid: first.uid, gid: first.gid });
  t.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.once('spawn', resolve));
  assert.notEqual(freeIdentities('test', 1)[0]?.uid, first.uid);
});
