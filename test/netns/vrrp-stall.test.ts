/** A master that was stopped for longer than its down interval, as it looks on the wire. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootMs } from '../../src/linux/clock.ts';
import { AddressWatch } from '../kit/address-watch.ts';
import { whyNoNamespaces } from '../kit/network.ts';
import { AdvertWatch } from '../kit/packets.ts';
import { VIP } from '../kit/speaker-process.ts';
import { type Attempt, judged } from '../kit/time-verdict.ts';
import { createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
/** Each stop falls into another part of the speaker's round. */
const STOPS = 6;
/** The down interval of either node at 100 ms is shorter. */
const DOWN_MS = 400;
/** What was sent before the stop is read by then; it is stopped for longer. */
const READ_MS = DOWN_MS;

test('a stopped master that goes on drops the VIP and says nothing', { skip }, async (t) => {
  await judged(t, (attempt) => stopInTurn(t, attempt));
});

async function stopInTurn(t: TestContext, { holds }: Attempt): Promise<void> {
  // Whoever is master stays it: each node is stopped in turn.
  const { network, one, two, first, second } = await createPair(t, { preempt: false });
  const observer = await network.addNode('observer', '10.99.0.9/24');
  const adverts = await AdvertWatch.start(observer);
  const addresses = await AddressWatch.start([one, two], VIP);
  t.after(() => addresses.close());
  t.after(() => adverts.close());
  const nodes = [
    { node: one, speaker: first },
    { node: two, speaker: second },
  ];
  for (let count = 0; count < STOPS; count += 1) {
    const [stopped, other] = count % 2 === 0 ? nodes : nodes.toReversed();
    assert.ok(stopped && other);
    stopped.speaker.kill('SIGSTOP');
    const stoppedAt = bootMs();
    await waitUntil(
      `${other.node.name} takes over`,
      () => addresses.owners.includes(other.node.name) && bootMs() > stoppedAt + DOWN_MS,
      5,
    );
    holds(addresses.owners.includes(stopped.node.name), 'its address outlives the stop');
    const before = addresses.changes.length;
    const continuedAt = performance.now();
    stopped.speaker.kill('SIGCONT');
    const lost = await waitUntil(
      `${stopped.node.name} drops the VIP`,
      () => addresses.changes.slice(before).find(({ node }) => node === stopped.node.name),
      5,
    );
    t.diagnostic(`dropped ${Math.round(lost.at - continuedAt)} ms after SIGCONT`);
    assert.equal(lost.held, false);
    await adverts.more(5, other.node.address);
    const said = adverts.heard.filter(
      ({ source, at }) => source === stopped.node.address && at > stoppedAt + READ_MS,
    );
    // What was sent before, and read late, is another matter.
    holds(said.length === 0, `it advertises, before or after: ${JSON.stringify(said)}`);
    const changes = addresses.changes.slice(before);
    holds(changes.length === 1, `another move than its own: ${JSON.stringify(changes)}`);
  }
}
