/** Our VRRP beside the real keepalived 2.2.7: who owns the VIP, in both roles, through TERM and KILL. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Keepalived, type KeepalivedOptions } from '../../kit/keepalived-process.ts';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { articleInstance, fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const theirs = await network.addNode('theirs', '10.99.0.1/24');
  const ours = await network.addNode('ours', '10.99.0.2/24');
  const owner = (node: NetworkNode) =>
    waitUntil(
      `${node.name} alone owns the VIP`,
      async () => (await network.owners(VIP)).join() === node.name,
    );
  return { theirs, ours, owner };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return Math.round(performance.now() - startedAt);
}

describe('beside keepalived', { skip, concurrency: 3 }, () => {
  test('keepalived is master, ours backup: TERM, return, KILL, return', async (t) => {
    const { theirs, ours, owner } = await createPair(t);
    const options: KeepalivedOptions = {
      state: 'MASTER',
      priority: 100,
      address: VIP,
      mode: { kind: 'v2' },
    };
    const first = new Keepalived(theirs, options);
    await owner(theirs);
    const speaker = await SpeakerProcess.start(ours, articleInstance(90));
    await waitUntil('ours hears the master', async () => (await speaker.status()).master);
    assert.equal((await speaker.status()).master, theirs.address);
    assert.deepEqual((await speaker.status()).dropped, {});

    const termMs = await timed(async () => {
      await first.terminate();
      await speaker.reaches('master');
    });
    t.diagnostic(`keepalived TERM, ours takes over: ${termMs} ms, its end included`);
    await owner(ours);

    const second = new Keepalived(theirs, options);
    await owner(theirs);
    await speaker.reaches('backup');

    const killMs = await timed(async () => {
      await second.kill();
      await speaker.reaches('master');
    });
    t.diagnostic(`keepalived KILL, ours takes over: ${killMs} ms`);
    // keepalived leaves its address behind: only its own return heals that.
    assert.equal(await theirs.holds(VIP), true);
    const third = new Keepalived(theirs, options);
    await owner(theirs);
    await speaker.reaches('backup');
    await third.terminate();
    await owner(ours);
    assert.deepEqual((await speaker.status()).dropped, {});
  });

  test('ours is master, keepalived backup: TERM, return, KILL, return', async (t) => {
    const { theirs, ours, owner } = await createPair(t);
    const first = await SpeakerProcess.start(ours, articleInstance(100));
    await owner(ours);
    const keepalived = new Keepalived(theirs, {
      state: 'BACKUP',
      priority: 90,
      address: VIP,
      mode: { kind: 'v2' },
    });

    // keepalived must first have heard us, or it would count from its own start.
    const sentBefore = (await first.status()).advertsSent;
    await waitUntil(
      'keepalived heard ours',
      async () => (await first.status()).advertsSent >= sentBefore + 3,
    );
    assert.equal(await theirs.holds(VIP), false);
    const termMs = await timed(async () => {
      first.kill('SIGTERM');
      await waitUntil('keepalived takes over', () => theirs.holds(VIP));
    });
    t.diagnostic(`ours TERM, keepalived takes over: ${termMs} ms`);
    await owner(theirs);

    const second = await SpeakerProcess.start(ours, articleInstance(100));
    await owner(ours);
    const killedAt = performance.now();
    second.kill('SIGKILL');
    await waitUntil('the stale address is gone', async () => !(await ours.holds(VIP)));
    const staleMs = Math.round(performance.now() - killedAt);
    t.diagnostic(`ours KILL, stale address gone: ${staleMs} ms`);
    await waitUntil('keepalived takes over', () => theirs.holds(VIP));
    t.diagnostic(
      `ours KILL, keepalived takes over: ${Math.round(performance.now() - killedAt)} ms`,
    );
    await owner(theirs);

    const third = await SpeakerProcess.start(ours, articleInstance(100));
    await owner(ours);
    assert.deepEqual((await third.status()).dropped, {});
    await keepalived.terminate();
    await owner(ours);
  });

  test('v3 unicast at 100 ms: both roles', async (t) => {
    const { theirs, ours, owner } = await createPair(t);
    const transport = { kind: 'unicast' as const, peers: [theirs.address] };
    const speaker = await SpeakerProcess.start(ours, fastInstance(100, { transport }));
    await owner(ours);
    const mode = { kind: 'v3-unicast' as const, peer: ours.address };
    const keepalived = new Keepalived(theirs, {
      state: 'MASTER',
      priority: 110,
      address: VIP,
      mode,
    });
    await owner(theirs);
    await speaker.reaches('backup');
    assert.equal((await speaker.status()).master, theirs.address);
    await keepalived.terminate();
    await owner(ours);
    const lower = new Keepalived(theirs, { state: 'BACKUP', priority: 50, address: VIP, mode });
    const sentBefore = (await speaker.status()).advertsSent;
    await waitUntil(
      'keepalived had time to disagree',
      async () => (await speaker.status()).advertsSent >= sentBefore + 20,
    );
    await owner(ours);
    speaker.kill('SIGTERM');
    await owner(theirs);
    await lower.terminate();
  });

  test('v2 with an authentication header: both roles, and a wrong key', async (t) => {
    const { theirs, ours, owner } = await createPair(t);
    const withKey = (key: string): KeepalivedOptions['mode'] => ({
      kind: 'lines',
      text: `advert_int 1\n  authentication {\n    auth_type AH\n    auth_pass ${key}\n  }`,
    });
    const options = { state: 'BACKUP', address: VIP } as const;
    const better = new Keepalived(theirs, { ...options, priority: 110, mode: withKey('1111') });
    await owner(theirs);
    const instance = { ...articleInstance(100), authenticationHeader: true as const };
    const speaker = await SpeakerProcess.start(ours, instance);
    await waitUntil('ours hears the master', async () => (await speaker.status()).master);
    await better.terminate();
    await owner(ours);
    const returned = new Keepalived(theirs, { ...options, priority: 110, mode: withKey('1111') });
    await owner(theirs);
    await speaker.reaches('backup');
    await returned.terminate();
    await owner(ours);
    const worse = new Keepalived(theirs, { ...options, priority: 50, mode: withKey('1111') });
    const sentBefore = (await speaker.status()).advertsSent;
    await waitUntil(
      'keepalived had time to disagree',
      async () => (await speaker.status()).advertsSent >= sentBefore + 6,
    );
    await owner(ours);
    assert.deepEqual((await speaker.status()).dropped, {});
    speaker.kill('SIGTERM');
    await owner(theirs);
    const again = await SpeakerProcess.start(ours, instance);
    await owner(ours);
    await worse.terminate();
    const other = { ...instance, priority: 200, password: '2222' };
    const stranger = await SpeakerProcess.start(theirs, other);
    const isCounted = async (speaking: SpeakerProcess) =>
      ((await speaking.status()).dropped['wrong-digest'] ?? 0) >= 2;
    await waitUntil('the wrong key is counted there', () => isCounted(stranger));
    await waitUntil('the wrong key is counted here', () => isCounted(again));
    assert.equal((await again.status()).state, 'master');
  });
});
