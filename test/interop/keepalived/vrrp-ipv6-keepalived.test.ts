/** IPv6 instances beside the real keepalived 2.2.7: multicast and unicast, both roles, announcements. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS } from '../../../src/config/vrrp-defaults.ts';
import { Keepalived, type KeepalivedOptions } from '../../kit/keepalived-process.ts';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');
const VIP6 = 'fd99::100';

function ipv6Instance(
  priority: number,
  changes: Partial<VrrpInstanceConfig> = {},
): VrrpInstanceConfig {
  return fastInstance(priority, {
    addresses: [{ ...ADDRESS_DEFAULTS, address: VIP6, prefixLength: 64 }],
    transport: { kind: 'multicast', group: 'ff02::12' },
    ...changes,
  });
}

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const theirs = await network.addNode('theirs', '10.99.0.1/24');
  const ours = await network.addNode('ours', '10.99.0.2/24');
  await theirs.ip('addr', 'add', 'fd99::1/64', 'dev', NODE_INTERFACE, 'nodad');
  await ours.ip('addr', 'add', 'fd99::2/64', 'dev', NODE_INTERFACE, 'nodad');
  const isSettled = async () => {
    const shown = await Promise.all(
      [theirs, ours].map((node) => node.ip('-6', 'addr', 'show', 'dev', NODE_INTERFACE)),
    );
    return shown.every((text) => text.includes('fe80:') && !text.includes('tentative'));
  };
  await waitUntil('both have link-local addresses', isSettled);
  const owner = (node: NetworkNode, address = VIP6) =>
    waitUntil(
      `${node.name} alone owns ${address}`,
      async () => (await network.owners(address)).join() === node.name,
    );
  return { theirs, ours, owner };
}

describe('IPv6 beside keepalived', { skip, concurrency: 3 }, () => {
  for (const kind of ['multicast', 'unicast'] as const) {
    test(`${kind}: both roles, no advertisement dropped`, async (t) => {
      const { theirs, ours, owner } = await createPair(t);
      const unicast = `unicast_src_ip fd99::1\n  unicast_peer {\n    fd99::2\n  }`;
      const text = `version 3\n  advert_int 0.1\n  ${kind === 'unicast' ? unicast : ''}`;
      const options = (priority: number): KeepalivedOptions => ({
        state: 'BACKUP',
        priority,
        address: VIP6,
        mode: { kind: 'lines', text },
      });
      const changes: Partial<VrrpInstanceConfig> =
        kind === 'multicast'
          ? {}
          : {
              sourceAddress: 'fd99::2',
              transport: { kind: 'unicast', peers: ['fd99::1'] },
              // keepalived sends IPv6 to peers with the kernel's hop limit; its files believe any.
              peerTtls: [{ peer: 'fd99::1', min: 0, max: 255 }],
            };
      const speaker = await SpeakerProcess.start(ours, ipv6Instance(100, changes));
      await owner(ours);
      const better = new Keepalived(theirs, options(110));
      await owner(theirs);
      await speaker.reaches('backup');
      assert.match(
        (await speaker.status()).master ?? '',
        kind === 'unicast' ? /^fd99::1$/ : /^fe80:/,
      );
      await better.terminate();
      await owner(ours);
      const worse = new Keepalived(theirs, options(50));
      const sentBefore = (await speaker.status()).advertsSent;
      await waitUntil(
        'keepalived had time to disagree',
        async () => (await speaker.status()).advertsSent >= sentBefore + 20,
      );
      await owner(ours);
      assert.deepEqual((await speaker.status()).dropped, {});
      speaker.kill('SIGTERM');
      await owner(theirs);
      await worse.terminate();
    });
  }

  test('the address works at once, is announced, and an excluded one of IPv4 comes along', async (t) => {
    const { theirs, ours, owner } = await createPair(t);
    const wrong = ['lladdr', '02:00:00:00:00:01', 'dev', NODE_INTERFACE, 'nud', 'stale'];
    await theirs.ip('neigh', 'replace', VIP6, ...wrong);
    const excludedAddresses = [{ ...ADDRESS_DEFAULTS, address: VIP, prefixLength: 24 }];
    const speaker = await SpeakerProcess.start(ours, ipv6Instance(100, { excludedAddresses }));
    await owner(ours);
    await owner(ours, VIP);
    const shown = await ours.ip('-6', 'addr', 'show', 'dev', NODE_INTERFACE);
    assert.match(shown, /fd99::100\/128 scope global nodad deprecated/);
    const mac = /link\/ether (\S+)/.exec(await ours.ip('link', 'show', 'dev', NODE_INTERFACE))?.[1];
    await waitUntil('the neighbour has learned the new place', async () =>
      (await theirs.ip('neigh', 'show', VIP6)).includes(mac ?? '?'),
    );
    // Nobody listens there, and its kernel says so.
    const connect = `require('node:net').connect(9, '${VIP6}').on('error', ({ code }) => console.log(code))`;
    const { stdout } = await theirs.run(process.execPath, ['-e', connect]);
    assert.equal(stdout.trim(), 'ECONNREFUSED');
    speaker.kill('SIGKILL');
    await waitUntil('the lifetime ends it', async () => !(await ours.holds(VIP6)));
  });
});
