/** What a node puts on the wire and what it takes from it, as election/vrrp/advertiser.ts does. */

import {
  type Expectation,
  encodeAdvertisement,
  MESSAGE_BYTES_MAX,
  passwordField,
  type ReceivedPacket,
} from '../src/vrrp/packet.ts';
import type { Settings } from './settings.ts';

export type Wire = {
  readonly address: number;
  readonly expectation: Expectation;
};

const ROUTER_ID = 51;
const GROUP = 0xe0000012;
const VIP = 0x0a630064;
const FIRST_ADDRESS = 0x0a630001;

export function addressOf(index: number): number {
  return FIRST_ADDRESS + index;
}

export function wireOf(settings: Settings, index: number): Wire {
  const { version, password, intervalMs, priorities, transport } = settings;
  const peers = priorities.map((_, peer) => addressOf(peer)).filter((_, peer) => peer !== index);
  return {
    address: addressOf(index),
    expectation: {
      version,
      virtualRouterId: ROUTER_ID,
      password: password === null ? null : passwordField(password),
      intervalMs,
      addresses: [VIP],
      ownAddress: addressOf(index),
      transport:
        transport === 'multicast'
          ? { kind: 'multicast', group: GROUP }
          : { kind: 'unicast', peers },
    },
  };
}

const buffer = new Uint8Array(MESSAGE_BYTES_MAX);

/** The advertisement that `to` gets. */
export function packetFor({ address, expectation }: Wire, to: number, priority: number) {
  const { version, virtualRouterId, intervalMs, addresses, password, transport } = expectation;
  const destination = transport.kind === 'multicast' ? transport.group : addressOf(to);
  const ends = { source: address, destination };
  const advertisement = { version, virtualRouterId, priority, intervalMs, addresses };
  const length = encodeAdvertisement(advertisement, password, ends, buffer);
  const packet: ReceivedPacket = { message: buffer.slice(0, length), ttl: 255, ...ends };
  return packet;
}
