/**
 * What a host does to the interface and the addresses of a VIP's owner: keepalived (Debian 12's, 2.2.7) and Evergate through the
 * same, each beside a backup of Evergate's. docs/complaints.md has the table.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { KEEPALIVED, Keepalived } from '../../kit/keepalived-process.ts';
import {
  hasProgram,
  type Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { createNetwork } from '../../kit/vrrp-pair.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
/** Looks in a row that see the same owners, a tenth of a second and more apart: four down intervals. */
const SAME_LOOKS = 15;
/** The kernel takes what nobody renews off within 3 s (docs/adr/0004). */
const LIFETIME_LOOKS = 40;

type Daemon = 'keepalived' | 'Evergate';
type Owner = { readonly kill: () => Promise<unknown> };

async function start(daemon: Daemon, node: NetworkNode): Promise<Owner> {
  if (daemon === 'keepalived') {
    const mode = { kind: 'lines', text: 'version 3\n advert_int 0.1' } as const;
    return new Keepalived(node, { state: 'MASTER', priority: 200, address: VIP, mode });
  }
  const speaker = new SpeakerProcess(node, fastInstance(200));
  return {
    kill: async () => {
      speaker.kill('SIGKILL');
      await speaker.ended();
    },
  };
}

type Stage = {
  readonly network: Network;
  readonly one: NetworkNode;
  readonly daemon: Owner;
};

/** What is done, step by step; after each the owners are looked at. */
type Fault = {
  readonly name: string;
  readonly steps: readonly ((stage: Stage) => Promise<unknown>)[];
  /** Of the same owners, until they count as settled. */
  readonly looks?: number;
  /** Owners after each step, nodes by name. */
  readonly expected: Readonly<Record<Daemon, readonly string[]>>;
};

const link = (node: NetworkNode, ...words: readonly string[]) => node.ip('link', 'set', ...words);
const addOwn = ({ one }: Stage) =>
  one.ip('addr', 'add', `${one.address}/24`, 'dev', NODE_INTERFACE);

const FAULTS: readonly Fault[] = [
  {
    name: 'all addresses of the interface are flushed; the own one returns',
    steps: [({ one }) => one.run('ip', ['addr', 'flush', 'dev', NODE_INTERFACE]), addOwn],
    expected: { keepalived: ['two', 'one'], Evergate: ['two', 'one'] },
  },
  {
    name: 'the VIP is taken off by hand',
    steps: [({ one }) => takeOff(one)],
    expected: { keepalived: ['one'], Evergate: ['one'] },
  },
  {
    name: 'the cable is pulled, and put back',
    steps: [({ one }) => one.setCarrier(false), ({ one }) => one.setCarrier(true)],
    expected: { keepalived: ['two', 'one'], Evergate: ['two', 'one'] },
  },
  {
    name: 'the interface is renamed, and named back',
    steps: [
      async ({ one }) => {
        await link(one, NODE_INTERFACE, 'down');
        await link(one, NODE_INTERFACE, 'name', 'lan0');
        await link(one, 'lan0', 'up');
      },
      async ({ one }) => {
        await link(one, 'lan0', 'down');
        await link(one, 'lan0', 'name', NODE_INTERFACE);
        await link(one, NODE_INTERFACE, 'up');
      },
    ],
    expected: { keepalived: ['two', 'one'], Evergate: ['two', 'one'] },
  },
  {
    name: 'the interface goes to another namespace, and comes back',
    steps: [
      async ({ network, one }) => {
        const store = await network.addNode('store', '10.99.0.3/24');
        await store.ip('link', 'del', NODE_INTERFACE);
        await link(one, NODE_INTERFACE, 'name', 'parked', 'netns', store.namespace);
      },
      async (stage) => {
        const { network, one } = stage;
        const store = [...network.nodes].find(({ name }) => name === 'store');
        assert.ok(store !== undefined);
        await link(store, 'parked', 'name', NODE_INTERFACE, 'netns', one.namespace);
        await link(one, NODE_INTERFACE, 'up');
        await addOwn(stage);
      },
    ],
    expected: { keepalived: ['two', 'one'], Evergate: ['two', 'one'] },
  },
  {
    name: "the node's address moves to a bridge, which the interface becomes a port of",
    steps: [
      async ({ one }) => {
        await one.ip('link', 'add', 'br-ex', 'type', 'bridge');
        await link(one, 'br-ex', 'up');
        await one.ip('addr', 'del', `${one.address}/24`, 'dev', NODE_INTERFACE);
        await link(one, NODE_INTERFACE, 'master', 'br-ex');
        await one.ip('addr', 'add', `${one.address}/24`, 'dev', 'br-ex');
      },
    ],
    expected: { keepalived: ['two'], Evergate: ['two'] },
  },
  {
    name: 'its process is killed',
    looks: LIFETIME_LOOKS,
    steps: [({ daemon }) => daemon.kill()],
    expected: { keepalived: ['one and two'], Evergate: ['two'] },
  },
];

async function takeOff(node: NetworkNode): Promise<void> {
  const shown = await node.ip('-o', 'addr', 'show', 'dev', NODE_INTERFACE);
  const held = new RegExp(` (${VIP.replaceAll('.', '\\.')}/\\d+) `).exec(shown)?.[1] ?? '';
  await node.ip('addr', 'del', held, 'dev', NODE_INTERFACE);
}

/** Who has the VIP when it no longer changes. */
async function settled(network: Network, wanted: number): Promise<string> {
  let seen = '';
  let looks = 0;
  return waitUntil(
    'the owners stay',
    async () => {
      const owners = (await network.owners(VIP)).join(' and ') || 'nobody';
      looks = owners === seen ? looks + 1 : 0;
      seen = owners;
      return looks >= wanted ? owners : null;
    },
    100,
  );
}

async function play(
  t: TestContext,
  daemon: Daemon,
  { steps, looks = SAME_LOOKS }: Fault,
): Promise<readonly string[]> {
  const { network, one, two, owned } = await createNetwork(t);
  const stage = { network, one, daemon: await start(daemon, one) };
  await owned('one');
  await SpeakerProcess.start(two, fastInstance(100));
  const owners: string[] = [];
  for (const step of steps) {
    await step(stage);
    owners.push(await settled(network, looks));
  }
  return owners;
}

describe('the same fault of a host', { skip, concurrency: 6 }, () => {
  for (const fault of FAULTS) {
    for (const daemon of ['keepalived', 'Evergate'] as const) {
      test(`${fault.name}: ${daemon}`, async (t) => {
        if (daemon === 'keepalived' && !hasProgram(KEEPALIVED)) {
          return t.skip('keepalived is missing');
        }
        const owners = await play(t, daemon, fault);
        t.diagnostic(owners.join(', then '));
        assert.deepEqual(owners, fault.expected[daemon]);
      });
    }
  }
});
