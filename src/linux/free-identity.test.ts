import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { FREE_ID_MAX, FREE_ID_MIN, freeIdentities } from './free-identity.ts';
import { findAccount } from './identity.ts';

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
