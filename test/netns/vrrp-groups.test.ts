/** Sync groups and tracked interfaces between real speakers. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS, NO_NOTIFY, VRRP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { Network, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { drain } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const SECOND_VIP = '10.99.0.101';

/** Two instances in one group; the second may have another priority. */
function groupOf(priority: number, second: number, secondIntervalMs = 100): VrrpConfig {
  const other = {
    name: 'VI_2',
    virtualRouterId: 52,
    advertIntervalMs: secondIntervalMs,
    addresses: [{ ...ADDRESS_DEFAULTS, address: SECOND_VIP, prefixLength: 24 }],
  };
  return {
    ...VRRP_DEFAULTS,
    syncGroups: [{ name: 'G1', instances: ['VI_1', 'VI_2'], notify: NO_NOTIFY }],
    instances: [fastInstance(priority), fastInstance(second, other)],
  };
}

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const one = await network.addNode('one', '10.99.0.1/24');
  const two = await network.addNode('two', '10.99.0.2/24');
  const ownsBoth = (name: string) =>
    waitUntil(`${name} owns both`, async () => {
      const owners = [await network.owners(VIP), await network.owners(SECOND_VIP)];
      return owners.every((names) => names.join() === name);
    });
  return { one, two, ownsBoth };
}

describe('sync groups', { skip, concurrency: 2 }, () => {
  test('a fault of one member moves both, its end brings both back', async (t) => {
    const { one, two, ownsBoth } = await createPair(t);
    const first = await SpeakerProcess.start(one, groupOf(110, 110));
    await ownsBoth('one');
    await SpeakerProcess.start(two, groupOf(100, 100));
    const faults = ['broken'];
    first.send({ kind: 'track', instance: 'VI_2', priorityDelta: 0, faults });
    await ownsBoth('two');
    // The kernel shows addresses before the speaker has told of what it did.
    await waitUntil('the other member says why', async () =>
      (await first.status('VI_1')).faults.includes(
        'instance "VI_2" of sync group "G1" is in fault',
      ),
    );
    first.send({ kind: 'track', instance: 'VI_2', priorityDelta: 0, faults: [] });
    await ownsBoth('one');
    const told = () => first.lines.filter((line) => line.kind === 'group').map(({ to }) => to);
    await waitUntil('the group is told of', () => told().length >= 5);
    assert.deepEqual(told(), ['backup', 'master', 'fault', 'backup', 'master']);
  });

  test('members with priorities that disagree do not fight', async (t) => {
    await judged(t, async ({ holds }) => {
      const { one, two, ownsBoth } = await createPair(t);
      const first = await SpeakerProcess.start(one, groupOf(110, 90));
      await ownsBoth('one');
      const second = await SpeakerProcess.start(two, groupOf(90, 110));
      const before = (await first.status()).advertsSent;
      const heard = async () => (await first.status()).advertsSent > before + 20;
      await waitUntil('time to disagree', heard);
      const transitions = (await first.status()).transitions;
      const later = async () => (await first.status()).advertsSent > before + 40;
      await waitUntil('more time to disagree', later);
      const now = (await first.status()).transitions;
      holds(now === transitions, `they fight: ${now - transitions} transitions`);
      first.kill('SIGTERM');
      await ownsBoth('two');
      await second.reaches('master');
    });
  });

  test('a group is drained as a whole, or not at all', async (t) => {
    const { one, two, ownsBoth } = await createPair(t);
    const first = await SpeakerProcess.start(one, groupOf(110, 110, 20));
    await ownsBoth('one');
    const second = await SpeakerProcess.start(two, groupOf(100, 100, 20));
    await drain(t, first);
    await ownsBoth('two');
    await second.reaches('master');
    const before = (await second.status()).transitions;
    assert.match((await second.setDrained(true)) ?? '', /instance "VI_1", "VI_2"/);
    await ownsBoth('two');
    assert.equal((await second.status('VI_2')).drained, false);
    // To leaving and back, and nothing else.
    assert.equal((await second.status()).transitions, before + 2);
    assert.equal((await first.status('VI_2')).drained, true);
    assert.equal(await first.setDrained(false), null);
    await ownsBoth('one');
  });
});

test('a tracked interface that goes down costs its weight, or the address', { skip }, async (t) => {
  const { one } = await createPair(t);
  for (const name of ['eg-a', 'eg-b']) {
    await one.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-peer`);
    await one.ip('link', 'set', name, 'up');
    await one.ip('link', 'set', `${name}-peer`, 'up');
  }
  const trackInterfaces = [
    { name: 'eg-a', weight: -30 },
    { name: 'eg-b', weight: 0 },
  ];
  const speaker = await SpeakerProcess.start(one, fastInstance(100, { trackInterfaces }));
  await speaker.reaches('master');
  assert.equal((await speaker.status()).effectivePriority, 100);
  await one.ip('link', 'set', 'eg-a', 'down');
  const lowered = async () => (await speaker.status()).effectivePriority === 70;
  await waitUntil('the weight counts', lowered);
  assert.equal((await speaker.status()).state, 'master');
  await one.ip('link', 'del', 'eg-b');
  await speaker.reaches('fault');
  assert.deepEqual((await speaker.status()).faults, ['interface "eg-b" is down']);
  assert.equal(await one.holds(VIP), false);
});
