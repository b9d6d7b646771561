/** What a drain leaves behind, whoever asked for it and went away: a cluster with an owner that says what it is. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VRRP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import type { VrrpStatus } from '../../src/stats/status.ts';
import { whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess } from '../kit/speaker-process.ts';
import { adverts, createNetwork, createPair, drain } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

function reaches(speaker: SpeakerProcess, what: string, is: (status: VrrpStatus) => boolean) {
  return waitUntil(what, async () => is(await speaker.status()));
}

describe('a drained cluster', { skip, concurrency: 2 }, () => {
  test('has an owner again when the only node that was not drained dies', async (t) => {
    const { first, second, owned } = await createPair(t);
    await drain(t, first);
    await owned('two');
    const waits = (await first.status()).waitsFor;
    assert.equal(waits?.event, 'ready');
    second.kill('SIGKILL');
    await reaches(first, 'node one is the last resort', ({ lastResort }) => lastResort);
    const { drained, state } = await first.status();
    assert.deepEqual({ drained, state }, { drained: true, state: 'master' });
  });

  test('gives the address to every other node that comes, and takes it back when ready', async (t) => {
    const { one, two, owned } = await createNetwork(t);
    const first = await SpeakerProcess.start(one, fastInstance(200));
    await owned('one');
    assert.match((await first.setDrained(true)) ?? '', /not drained/);
    const second = await SpeakerProcess.start(two, fastInstance(100));
    await drain(t, first);
    await owned('two');
    second.kill('SIGTERM');
    await owned('one');
    await reaches(first, 'it stays drained', ({ lastResort }) => lastResort);
    const refused = await first.setDrained(true);
    assert.match(refused ?? '', /stays drained, and serves as the last resort/);
    // Its priority is lower than that of node one, but not than what a drained node says.
    const third = await SpeakerProcess.start(two, fastInstance(2));
    await owned('two');
    await adverts(third, 10);
    await owned('two');
    assert.equal(await first.setDrained(false), null);
    await owned('one');
    assert.equal((await first.status()).lastResort, false);
  });

  test('gives it to a node without preempt when it is asked to drain again', async (t) => {
    const { one, two, owned } = await createNetwork(t);
    const first = await SpeakerProcess.start(one, fastInstance(200));
    await owned('one');
    const patient = fastInstance(100, { preempt: false });
    const second = await SpeakerProcess.start(two, patient);
    await drain(t, first);
    await owned('two');
    second.kill('SIGTERM');
    await reaches(first, 'node one is the last resort', ({ lastResort }) => lastResort);
    const third = await SpeakerProcess.start(two, patient);
    await adverts(first, 10);
    await reaches(third, 'it hears a master', ({ waitsFor }) => {
      return waitsFor?.event === 'master-silence';
    });
    await drain(t, first);
    await owned('two');
  });

  test('has one owner where all of its nodes are drained', async (t) => {
    const { first, second, owned } = await createPair(t);
    await drain(t, first);
    await owned('two');
    assert.match((await second.setDrained(true)) ?? '', /not drained/);
    assert.equal(await first.setDrained(false), null);
    await owned('one');
    await first.reaches('master');
    assert.equal(await second.setDrained(true), null, 'a backup is drained at once');
    const before = (await first.status()).transitions;
    assert.match((await first.setDrained(true)) ?? '', /No other node took over/);
    assert.equal((await first.status()).transitions, before + 2, 'it only offered to leave');
    first.kill('SIGKILL');
    await reaches(second, 'node two is the last resort', ({ lastResort }) => lastResort);
  });

  test('moves a sync group as a whole, also as the last resort', async (t) => {
    const { one, two, owned } = await createNetwork(t);
    const groupOf = (priority: number) => ({
      ...VRRP_DEFAULTS,
      syncGroups: [{ name: 'G1', instances: ['VI_1', 'VI_2'], notify: fastInstance(1).notify }],
      instances: [
        fastInstance(priority),
        fastInstance(priority, { name: 'VI_2', virtualRouterId: 52, addresses: [] }),
      ],
    });
    const first = await SpeakerProcess.start(one, groupOf(200));
    await owned('one');
    const second = await SpeakerProcess.start(two, groupOf(100));
    await drain(t, first);
    await owned('two');
    second.kill('SIGKILL');
    await waitUntil('both are the last resort', async () => {
      const [a, b] = [await first.status('VI_1'), await first.status('VI_2')];
      return a.lastResort && b.lastResort;
    });
    await SpeakerProcess.start(two, groupOf(100));
    await owned('two');
    for (const name of ['VI_1', 'VI_2']) {
      const isBackup = async () => (await first.status(name)).state === 'backup';
      await waitUntil(`${name} is backup`, isBackup);
    }
  });
});

test('a backup says what it waits for', { skip }, async (t) => {
  const { second, owned } = await createPair(t);
  const hears = async () => (await second.status()).waitsFor?.event === 'master-silence';
  await waitUntil('it waits for silence of the master', hears);
  await owned('one');
});
