/** What is done to the interface of a VIP, beside its addresses (own-address.test.ts): each with the right status. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { lookAtStatus } from '../kit/status.ts';
import { adverts, createNetwork, createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const EVERGATE = resolve('bin/evergate');

const addOwn = (node: NetworkNode, device: string = NODE_INTERFACE) =>
  node.ip('addr', 'add', `${node.address}/24`, 'dev', device);

async function isInFault(speaker: SpeakerProcess, ...faults: readonly string[]): Promise<void> {
  await waitUntil(
    faults.join(),
    async () => (await speaker.status()).faults.join() === faults.join(),
  );
}

/** On top of the node's interface, or by themselves; kernels have them or not. */
const KINDS = [
  { kind: 'macvlan', link: true, more: ['mode', 'bridge'] },
  { kind: 'vlan', link: true, more: ['id', '5'] },
  { kind: 'ipvlan', link: true, more: [] },
  { kind: 'bond', link: false, more: [] },
  { kind: 'dummy', link: false, more: [] },
  { kind: 'bridge', link: false, more: [] },
] as const;

describe('an interface', { skip, concurrency: 5 }, () => {
  test('whose MTU changes, that gets another one on top or another name for a moment', async (t) => {
    const { one, first, second, owned } = await createPair(t);
    const { transitions } = await first.status();
    for (const mtu of ['1400', '9000', '1500'])
      await one.ip('link', 'set', NODE_INTERFACE, 'mtu', mtu);
    await one.ip('link', 'add', 'link', NODE_INTERFACE, 'name', 'top0', 'type', 'macvlan');
    await one.ip('link', 'set', 'top0', 'up');
    await one.ip('link', 'del', 'top0');
    await adverts(first, 5);
    assert.equal((await first.status()).transitions, transitions);
    await owned('one');
    // As udev and administrators do it: switched off, renamed, switched on.
    await one.ip('link', 'set', NODE_INTERFACE, 'down');
    await isInFault(first, `interface "${NODE_INTERFACE}" is switched off`);
    await one.ip('link', 'set', NODE_INTERFACE, 'name', 'lan0');
    await one.ip('link', 'set', 'lan0', 'up');
    await isInFault(
      first,
      `the node's address 10.99.0.1 is on "lan0" now, not on "${NODE_INTERFACE}"`,
      `interface "${NODE_INTERFACE}" is gone`,
    );
    await owned('two');
    assert.doesNotMatch(await one.ip('addr'), new RegExp(VIP));
    await one.ip('link', 'set', 'lan0', 'down');
    await one.ip('link', 'set', 'lan0', 'name', NODE_INTERFACE);
    await one.ip('link', 'set', NODE_INTERFACE, 'up');
    await owned('one');
    await second.reaches('backup');
  });

  test('that is moved to another namespace and back, with the index it had', async (t) => {
    const { network, two, second, owned } = await createPair(t);
    const store = await network.addNode('store', '10.99.0.3/24');
    // Its index is free there.
    await store.ip('link', 'del', NODE_INTERFACE);
    const indexOf = async () => (await two.ip('-o', 'link', 'show', NODE_INTERFACE)).split(':')[0];
    const index = await indexOf();
    await two.ip('link', 'set', NODE_INTERFACE, 'name', 'parked', 'netns', store.namespace);
    await isInFault(second, `interface "${NODE_INTERFACE}" is gone`);
    await store.ip('link', 'set', 'parked', 'name', NODE_INTERFACE, 'netns', two.namespace);
    await two.ip('link', 'set', NODE_INTERFACE, 'up');
    await addOwn(two);
    assert.equal(await indexOf(), index, 'nothing but the news tells that it was away');
    // Its sockets went with it: without others it hears nobody, and is a second master.
    const { advertsReceived } = await second.status();
    await waitUntil(
      'it hears the master again',
      async () => (await second.status()).advertsReceived > advertsReceived,
    );
    await second.reaches('backup');
    await owned('one');
  });

  for (const { kind, link, more } of KINDS) {
    test(`of the kind ${kind}, with a VIP on it, and without a carrier`, async (t) => {
      const { one } = await createNetwork(t);
      const device = 'kind0';
      const below = link ? ['link', NODE_INTERFACE] : [];
      const words = ['link', 'add', ...below, 'name', device, 'type', kind, ...more];
      const made = await one.run('ip', words);
      if (made.code !== 0) return t.skip(`This kernel has no interfaces of the kind ${kind}`);
      // A bond, a bridge: their carrier is that of what they are made of.
      const hasPort = kind === 'bond' || kind === 'bridge';
      if (hasPort) {
        await one.ip('link', 'set', NODE_INTERFACE, 'down');
        await one.ip('link', 'set', NODE_INTERFACE, 'master', device);
        await one.ip('link', 'set', NODE_INTERFACE, 'up');
      }
      await one.ip('link', 'set', device, 'up');
      await one.ip('addr', 'flush', 'dev', NODE_INTERFACE);
      await addOwn(one, device);
      const speaker = await SpeakerProcess.start(one, fastInstance(200, { interface: device }));
      await speaker.reaches('master');
      assert.match(await one.ip('addr', 'show', 'dev', device), new RegExp(VIP));
      if (kind !== 'dummy') {
        await one.setCarrier(false);
        await isInFault(speaker, `interface "${device}" has no carrier`);
        await one.setCarrier(true);
        await speaker.reaches('master');
      }
      await one.ip('link', 'del', device);
      await isInFault(speaker, `interface "${device}" is gone`);
      speaker.kill('SIGTERM');
      assert.equal(await speaker.ended(), 0);
    });
  }

  test('that keepalived.conf wants promote_secondaries on, deleted and made anew', async (t) => {
    const { one } = await createNetwork(t);
    const make = async () => {
      await one.ip('link', 'add', 'eg-a', 'type', 'veth', 'peer', 'name', 'eg-b');
      await one.ip('addr', 'add', '10.97.0.1/24', 'dev', 'eg-a');
      await one.ip('link', 'set', 'eg-b', 'up');
      await one.ip('link', 'set', 'eg-a', 'up');
    };
    await make();
    const speaker = await SpeakerProcess.start(
      one,
      fastInstance(200, { interface: 'eg-a', promoteSecondaries: true }),
    );
    for (let count = 0; count < 3; count += 1) {
      await speaker.reaches('master');
      await one.ip('link', 'del', 'eg-a');
      await isInFault(speaker, 'interface "eg-a" is gone');
      await make();
    }
    await speaker.reaches('master');
    const setting = await one.run('sysctl', ['-n', 'net.ipv4.conf.eg-a.promote_secondaries']);
    assert.equal(setting.stdout, '1\n');
  });

  test('that is renamed, with evergate.yaml: the node goes on by its new name', async (t) => {
    const { one } = await createNetwork(t);
    const folder = mkdtempSync(join(tmpdir(), 'evergate-renamed-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [config, run] = [join(folder, 'evergate.yaml'), join(folder, 'run')];
    const nodes = `nodes:\n  n1: ${one.address}\n  n2: 10.99.0.2\n`;
    writeFileSync(config, `vip: ${VIP}/24\nlisten: 8443\n${nodes}check: { type: tcp }\n`);
    one.spawn(EVERGATE, ['run', '--config', config, '--run-dir', run], { stdio: 'ignore' });
    const isMasterOn = (device: string) => async () =>
      (await lookAtStatus(run))?.vrrp.some(
        (instance) => instance.state === 'master' && instance.interface === device,
      );
    await waitUntil('it is master', isMasterOn(NODE_INTERFACE));
    await one.ip('link', 'set', NODE_INTERFACE, 'down');
    await one.ip('link', 'set', NODE_INTERFACE, 'name', 'lan0');
    await one.ip('link', 'set', 'lan0', 'up');
    await waitUntil('it is master there', isMasterOn('lan0'));
    assert.match(await one.ip('addr', 'show', 'dev', 'lan0'), new RegExp(`${VIP}/32`));
  });
});
