/**
 * Who leaves serves on until the successor is heard (ADR 11). So when the successor is heard, clients must
 * know the way to it already: they lost a packet where its advertisement came first.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { ClaimWatch } from '../kit/packets.ts';
import { VIP } from '../kit/speaker-process.ts';
import { createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

test('a client lost its SYN as the VIP moved: the next owner says so before it is there', {
  skip,
}, async (t) => {
  const { network, two, first, owned } = await createPair(t);
  const client = await network.addNode('client', '10.99.0.9/24');
  const watch = await ClaimWatch.start(client);
  t.after(() => watch.close());
  const mac = await macOf(two);
  first.kill('SIGTERM');
  await owned('two');
  const own = () => watch.heard.filter((claim) => claim.mac === mac);
  await waitUntil('the new owner is heard', () => own().some(({ kind }) => kind === 'advert'));
  const [announced] = own();
  assert.deepEqual([announced?.kind, announced?.address], ['garp', VIP]);
  const left = watch.heard.findIndex(({ priority }) => priority === 0);
  assert.ok(left !== -1 && left < watch.heard.findIndex((claim) => claim.mac === mac));
});

async function macOf(node: NetworkNode): Promise<string> {
  const text = await node.ip('link', 'show', NODE_INTERFACE);
  return /ether (\S+)/.exec(text)?.[1] ?? '';
}
