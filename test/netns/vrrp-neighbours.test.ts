/** IPv6 VIPs and strangers that hold them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess } from '../kit/speaker-process.ts';
import { createNetwork, warned } from '../kit/vrrp-pair.ts';

const skip = whyNoNamespaces() ?? false;
const VIP6 = 'fd00::100';

function ipv6Instance(priority: number): VrrpInstanceConfig {
  return fastInstance(priority, {
    transport: { kind: 'multicast', group: 'ff02::12' },
    addresses: [{ ...ADDRESS_DEFAULTS, address: VIP6, prefixLength: 64 }],
  });
}

async function macOf(node: NetworkNode): Promise<string> {
  const link = await node.ip('link', 'show', NODE_INTERFACE);
  return /ether (\S+)/.exec(link)?.[1] ?? '';
}

test('an IPv6 VIP that a stranger holds is refused, and is free when he is gone', {
  skip,
}, async (t) => {
  const { network, one, two } = await createNetwork(t);
  await two.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE, 'nodad');
  const refused = new SpeakerProcess(one, ipv6Instance(200));
  const { code, text } = await refused.line('refused');
  assert.equal(code, 'address-taken');
  assert.ok(text.startsWith(`${VIP6} of`) && text.includes(await macOf(two)), text);
  assert.equal(await refused.ended(), 1);
  assert.equal(await one.holds(VIP6), false);
  await two.ip('addr', 'del', `${VIP6}/64`, 'dev', NODE_INTERFACE);
  const startedAt = performance.now();
  const master = await SpeakerProcess.start(one, ipv6Instance(200));
  await master.reaches('master');
  t.diagnostic(`master ${Math.round(performance.now() - startedAt)} ms after its start`);

  // A backup is answered by its own master: that is no stranger.
  const backup = await SpeakerProcess.start(two, ipv6Instance(100));
  await backup.reaches('backup');
  backup.kill('SIGTERM');
  await backup.ended();

  // A third node asks before it takes the address: the stranger's kernel tells everybody that it has it.
  const mac = await macOf(two);
  await two.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE, 'nodad');
  const third = await network.addNode('three', '10.99.0.3/24');
  await third.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE);
  await warned(master, new RegExp(`^${mac} claims ${VIP6}, which is held here`));
  assert.equal((await master.status()).state, 'master');
});
