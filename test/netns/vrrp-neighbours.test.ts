/** IPv6 VIPs and strangers that hold them, and interfaces that lose all their addresses at once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { AddressWatch } from '../kit/address-watch.ts';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { adverts, createNetwork, createPair, warned } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const VIP6 = 'fd00::100';
const BACK_MS_MAX = 100;

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

test('all addresses of the interface are flushed: the VIP is back at once', { skip }, async (t) => {
  const { one, two, first, second } = await createPair(t);
  const watch = await AddressWatch.start([one, two], VIP);
  t.after(() => watch.close());
  await judged(t, async (attempt) => {
    const from = performance.now();
    const before = watch.changes.length;
    // Not ip(): it may complain that addresses come back while it flushes.
    await one.run('ip', ['addr', 'flush', 'dev', NODE_INTERFACE]);
    await waitUntil('the VIP was gone', () => watch.changes.length >= before + 2, 5);
    await adverts(first, 10);
    assert.deepEqual(watch.owners, ['one']);
    const { noneMs } = watch.spans(from);
    t.diagnostic(`gone for ${noneMs.toFixed(1)} ms at most`);
    attempt.atMost(noneMs, BACK_MS_MAX, 'the VIP was gone for');
    assert.equal((await second.status()).transitions, 1);
    // What the flush took with it, for another attempt.
    await one.run('ip', ['addr', 'add', `${one.address}/24`, 'dev', NODE_INTERFACE]);
  });
});
