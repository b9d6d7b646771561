import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findAccount, groupId, userId } from './identity.ts';

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
