/** Masters that are not the only one, or cannot know: each says so in its status, whoever is at fault. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS, GARP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { block, createNetwork, createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

const FAMILIES = [
  { name: 'IPv4', addresses: ['10.99.0.1', '10.99.0.2'], vip: VIP, prefixLength: 24 },
  { name: 'IPv6', addresses: ['fd99::1', 'fd99::2'], vip: 'fd99::100', prefixLength: 64 },
] as const;

/** Two nodes that speak unicast in that family; nobody announces anything but once, when it rises. */
async function createNodes(
  t: TestContext,
  { name, addresses, vip, prefixLength }: (typeof FAMILIES)[number],
) {
  const { one, two } = await createNetwork(t);
  const [near, far] = addresses;
  if (name === 'IPv6') {
    for (const [node, own] of [
      [one, near],
      [two, far],
    ] as const) {
      await node.ip('addr', 'add', `${own}/${prefixLength}`, 'dev', NODE_INTERFACE, 'nodad');
    }
  }
  const start = (
    node: NetworkNode,
    priority: number,
    changes: Partial<VrrpInstanceConfig> = {},
  ) => {
    const [own, peer] = node === one ? [near, far] : [far, near];
    return SpeakerProcess.start(
      node,
      fastInstance(priority, {
        addresses: [{ ...ADDRESS_DEFAULTS, address: vip, prefixLength }],
        sourceAddress: own,
        transport: { kind: 'unicast', peers: [peer] },
        garp: { ...GARP_DEFAULTS, repeat: 1, delayMs: 0 },
        ...changes,
      }),
    );
  };
  return { one, two, start };
}

async function doubts(speaker: SpeakerProcess, pattern: RegExp | null): Promise<void> {
  await waitUntil(`it doubts ${pattern}`, async () => {
    const { doubts: all = [] } = await speaker.status();
    return pattern === null ? all.length === 0 : all.some((text) => pattern.test(text));
  });
}

async function macOf(node: NetworkNode): Promise<string> {
  const shown = await node.ip('link', 'show', NODE_INTERFACE);
  return /link\/ether (\S+)/.exec(shown)?.[1] ?? '';
}

describe('a master', { skip, concurrency: 5 }, () => {
  for (const family of FAMILIES) {
    const { name, addresses } = family;
    test(`${name}: finds another one with another router id, though both started together`, async (t) => {
      const { one, two, start } = await createNodes(t, family);
      // Neither hears the other while it rises, as if both had asked at the same moment.
      await two.setConnected(false);
      const first = await start(one, 200);
      const second = await start(two, 100, { virtualRouterId: 81 });
      await first.reaches('master');
      await second.reaches('master');
      await two.setConnected(true);
      const claim = async (node: NetworkNode) =>
        new RegExp(`^${await macOf(node)} claims ${family.vip}, too$`);
      await doubts(first, await claim(two));
      await doubts(second, await claim(one));
    });

    test(`${name}: says when no other node is there, and when one is again`, async (t) => {
      const { two, one, start } = await createNodes(t, family);
      const first = await start(one, 200);
      await first.reaches('master');
      await two.setConnected(false);
      await doubts(first, new RegExp(`^no other node \\(${addresses[1]}\\) answers on "ens192"`));
      await two.setConnected(true);
      await doubts(first, null);
    });
  }

  test('says who goes on as master because it hears nobody', async (t) => {
    const { two, first, second } = await createPair(t);
    assert.deepEqual((await first.status()).doubts, []);
    const unblock = await block(two, 'ip protocol 112');
    await second.reaches('master');
    await doubts(first, /^10\.99\.0\.2 advertises, too, with priority 100: it does not hear/);
    await unblock();
    await second.reaches('backup');
    await waitUntil('the rival is forgotten', async () =>
      (await first.status()).doubts?.every((text) => !/advertises, too/.test(text)),
    );
  });
});
