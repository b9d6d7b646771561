/** Two speakers on a network of their own, and what tests of their faults ask about them. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { Network, type NetworkNode } from './network.ts';
import { fastInstance, SpeakerProcess, VIP } from './speaker-process.ts';
import { judged } from './time-verdict.ts';
import { waitUntil } from './wait-until.ts';

export type Pair = {
  readonly network: Network;
  readonly one: NetworkNode;
  readonly two: NetworkNode;
  readonly first: SpeakerProcess;
  readonly second: SpeakerProcess;
  /** Waits until just these nodes, by name, hold the address. */
  readonly owned: (...names: readonly string[]) => Promise<unknown>;
};

export async function createNetwork(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const one = await network.addNode('one', '10.99.0.1/24');
  const two = await network.addNode('two', '10.99.0.2/24');
  const owned = (...names: readonly string[]) =>
    waitUntil(
      `the owners are [${names.join(', ')}]`,
      async () => (await network.owners(VIP)).join() === names.join(),
    );
  return { network, one, two, owned };
}

/** Node one is master with priority 200, node two backup with 100. */
export async function createPair(
  t: TestContext,
  changes: Partial<VrrpInstanceConfig> = {},
  secondChanges: Partial<VrrpInstanceConfig> = changes,
): Promise<Pair> {
  const { network, one, two, owned } = await createNetwork(t);
  const first = await SpeakerProcess.start(one, fastInstance(200, changes));
  await owned('one');
  const second = await SpeakerProcess.start(two, fastInstance(100, secondChanges));
  return { network, one, two, first, second, owned };
}

/** Drains its node: on a machine that is late by the second that a successor has, at another try. */
export async function drain(
  t: Pick<TestContext, 'diagnostic'>,
  speaker: SpeakerProcess,
): Promise<void> {
  await judged(t, async ({ holds }) => {
    const refusal = await speaker.setDrained(true);
    holds(refusal === null, String(refusal));
  });
}

/** Waits until the speaker has advertised `count` times more: time passes, by its own measure. */
export async function adverts(speaker: SpeakerProcess, count: number): Promise<void> {
  const before = (await speaker.status()).advertsSent;
  const done = async () => (await speaker.status()).advertsSent >= before + count;
  await waitUntil(`${count} advertisements`, done);
}

/** Waits until packets were dropped for that reason. */
export async function dropped(speaker: SpeakerProcess, reason: string): Promise<void> {
  const counted = async () => ((await speaker.status()).dropped[reason] ?? 0) > 0;
  await waitUntil(`packets are dropped: ${reason}`, counted);
}

/** Waits until status warns so. */
export async function warned(speaker: SpeakerProcess, pattern: RegExp): Promise<void> {
  const says = async () => (await speaker.status()).warnings?.some((text) => pattern.test(text));
  await waitUntil(`status says ${pattern}`, says);
}

/** Drops what comes in at the node and matches, until the returned function is called. */
export async function block(node: NetworkNode, match: string): Promise<() => Promise<void>> {
  const table = 'evergate-test';
  const rules = `table ip ${table} {
    chain input { type filter hook input priority 0; ${match} drop; }
  }`;
  const made = await node.run('nft', [rules]);
  assert.equal(made.code, 0, made.stderr);
  return async () => {
    await node.run('nft', ['delete', 'table', 'ip', table]);
  };
}
