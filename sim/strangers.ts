/** Packets that mean nothing to an instance: what else is on the LAN, broken, forged or somebody else's. */

import type { Random } from '../src/core/random.ts';
import type { ReceivedPacket } from '../src/vrrp/packet.ts';
import { addressOf, packetFor, type Wire } from './wire.ts';
import type { World } from './world.ts';

const STRANGER = 200;

type Forgery = (packet: ReceivedPacket, random: Random, wire: Wire) => ReceivedPacket;

/** Each takes an advertisement of the highest priority that would be believed, and spoils it. */
const FORGERIES: readonly { readonly name: string; readonly forge: Forgery }[] = [
  { name: 'random bytes', forge: (packet, random) => ({ ...packet, message: noise(random) }) },
  {
    name: 'a truncated advertisement',
    forge: (packet, random) => {
      const length = random.below(packet.message.length);
      return { ...packet, message: packet.message.subarray(0, length) };
    },
  },
  {
    name: 'a padded advertisement',
    forge: (packet) => ({ ...packet, message: Uint8Array.of(...packet.message, 0, 0) }),
  },
  { name: 'another version', forge: (packet) => patched(packet, 0, 0x51) },
  { name: 'another virtual router', forge: (packet) => patched(packet, 1, 52) },
  { name: 'a bad checksum', forge: (packet) => patched(packet, 2, 253) },
  {
    name: 'our own address as its source',
    forge: (packet, _random, wire) => ({ ...packet, source: wire.address }),
  },
  {
    name: 'a wrong password, a wrong TTL or a stranger as its source',
    forge: (packet, _random, { expectation }) => {
      if (expectation.password !== null) {
        return patched(packet, packet.message.length - 1, 0x7f);
      }
      if (expectation.transport.kind === 'multicast') return { ...packet, ttl: 254 };
      return { ...packet, source: addressOf(STRANGER) };
    },
  },
];

/** One such packet reaches one node. No move is justified by it. */
export function sendForgery(world: World): number {
  const { random, nodes } = world;
  const node = random.pick(nodes);
  const { name, forge } = random.pick(FORGERIES);
  const sender = random.pick(nodes.filter((other) => other !== node));
  const packet = forge(packetFor(sender.wire, node.index, 254), random, node.wire);
  world.trace(`* node ${node.index} gets ${name}`);
  node.onPacket(packet);
  return 1;
}

function noise(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(64) }, () => random.below(256));
}

function patched(packet: ReceivedPacket, offset: number, value: number): ReceivedPacket {
  const message = packet.message.slice();
  message[offset] = value;
  return { ...packet, message };
}
