import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FREE_ID_MAX, FREE_ID_MIN, findAccount } from '../linux/identity.ts';
import { chooseAccounts } from './service-account.ts';

const ROOT = 0;

function choose(user: string | null, group: string | null = null, uid = ROOT) {
  const { balancer, lines } = chooseAccounts({ user, group }, '/run/test', uid);
  return { balancer, told: lines.map(({ level, text }) => `${level}: ${text}`).join('\n') };
}

test('an account that is there is taken, with its groups', () => {
  const nobody = findAccount('nobody');
  const { balancer, told } = choose('nobody');
  assert.deepEqual([balancer?.uid, balancer?.gid], [nobody?.uid, nobody?.gid]);
  assert.equal(told, '');
});

test("one that is not gets a number that is nobody else's, and the command that makes it", () => {
  const { balancer, told } = choose('eg-none');
  assert.ok(balancer !== null && balancer.uid >= FREE_ID_MIN && balancer.uid <= FREE_ID_MAX);
  assert.deepEqual(balancer.groups, []);
  assert.match(told, /^warning: User "eg-none" does not exist; .* useradd .* eg-none$/);
  assert.equal(choose('eg-none').balancer?.uid, balancer.uid);
});

test('the default of ours is no reason to warn', (t) => {
  if (findAccount('evergate') !== null) return t.skip('There is an account "evergate" here');
  assert.match(choose('evergate').told, /^info: The balancer runs as uid \d+, /);
});

test("a group takes the place of the account's own; one that cannot is told of", () => {
  const users = choose('nobody', 'users');
  assert.equal(users.balancer?.gid, 100);
  assert.equal(users.balancer?.groups[0], 100);
  for (const group of ['root', 'eg-none']) {
    const { balancer, told } = choose('nobody', group);
    assert.equal(balancer?.gid, findAccount('nobody')?.gid);
    assert.match(told, new RegExp(`^warning: Group "${group}" `));
  }
});

test('root stays root only with a warning, and nobody becomes another without root', () => {
  for (const user of [null, 'root', '0']) {
    const { balancer, told } = choose(user);
    assert.equal(balancer, null);
    assert.match(told, /^warning: .*root/);
  }
  assert.equal(choose('nobody', null, 1000).balancer, null);
  assert.match(choose('nobody', null, 1000).told, /^info: .*uid 1000 /);
  assert.equal(choose(null, null, 1000).told, '');
});
