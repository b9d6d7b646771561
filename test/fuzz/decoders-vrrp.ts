/** The decoders of VRRP for decoders.ts: of both versions and families, with each kind of authentication. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { IpAddress } from '../../src/core/ip-address.ts';
import { OtherClocks } from '../../src/core/other-clocks.ts';
import { decodeIpv4Packet } from '../../src/linux/raw4-socket.ts';
import { openPacket, sealPacket } from '../../src/vrrp/authentication-header.ts';
import {
  type Advertisement,
  type Authentication,
  decodeAdvertisement,
  type Expectation,
  encodeAdvertisement,
  MESSAGE_BYTES_MAX,
  passwordField,
  type ReceivedPacket,
} from '../../src/vrrp/packet.ts';
import { Signatures } from '../../src/vrrp/signatures.ts';
import type { Decoder } from './fuzz-decoder.ts';

const [OWN, PEER, VIP, GROUP] = [0x0a630001, 0x0a630002, 0x0a630064, 0xe0000012] as const;
const GROUP_6 = 0xff020000000000000000000000000012n;
const [OWN_6, PEER_6, VIP_6] = [1n, 2n, 100n].map((host) => (0xfdn << 120n) + host) as [
  bigint,
  bigint,
  bigint,
];
const NOW_MS = 1_800_000_000_000;

type Family = {
  readonly own: IpAddress;
  readonly peer: IpAddress;
  readonly vip: IpAddress;
  readonly group: IpAddress;
};

const IPV4: Family = { own: OWN, peer: PEER, vip: VIP, group: GROUP };
const IPV6: Family = { own: OWN_6, peer: PEER_6, vip: VIP_6, group: GROUP_6 };

function advertisement(version: 2 | 3, { vip }: Family, count: number): Advertisement {
  const addresses = Array.from({ length: count }, () => vip);
  const intervalMs = version === 2 ? 1000 : 100;
  return { version, virtualRouterId: 51, priority: 100, intervalMs, addresses };
}

function expectation(version: 2 | 3, family: Family, password: Authentication): Expectation {
  const { intervalMs, addresses } = advertisement(version, family, 1);
  const transport = { kind: 'multicast', group: family.group } as const;
  const common = { version, virtualRouterId: 51, password, intervalMs, addresses };
  return { ...common, ownAddress: family.own, transport };
}

function encoded(said: Advertisement, { peer, group }: Family, password: Authentication): Buffer {
  const into = Buffer.alloc(MESSAGE_BYTES_MAX);
  const ends = { source: peer, destination: group };
  return into.subarray(0, encodeAdvertisement(said, password, ends, into));
}

function received(message: Uint8Array, { peer, group }: Family): ReceivedPacket {
  return { message, source: peer, destination: group, ttl: 255 };
}

function assertSound(packet: ReceivedPacket, expected: Expectation): boolean {
  const decoded = decodeAdvertisement(packet, expected);
  if (!decoded.ok) return false;
  const { version, virtualRouterId, priority, intervalMs, addresses } = decoded.value.advertisement;
  assert.deepEqual([version, virtualRouterId], [expected.version, expected.virtualRouterId]);
  assert.ok(priority >= 0 && priority <= 255);
  assert.ok(intervalMs >= 0 && intervalMs <= 40_950);
  assert.equal(addresses.length, packet.message[3]);
  return true;
}

function plain(name: string, version: 2 | 3, family: Family, password: Authentication): Decoder {
  const expected = expectation(version, family, password);
  const seeds = [0, 1, 2, 20].map((count) =>
    encoded(advertisement(version, family, count), family, password),
  );
  return { name, seeds, decode: (bytes) => assertSound(received(bytes, family), expected) };
}

const KEYS = [{ id: 1, secret: Buffer.alloc(32, 7) }];
const signatures = () =>
  new Signatures({
    keys: KEYS,
    activeKey: 1,
    mode: 'enforce',
    toleranceMs: 10_000,
    clocks: new OtherClocks(),
    hmac: (secret, bytes) => createHmac('sha256', secret).update(bytes).digest(),
  });

/** Nobody without the key makes one that is believed: what is believed says what the seed said. */
function signed(): Decoder {
  const said = advertisement(3, IPV4, 1);
  const ends = { source: PEER, destination: GROUP };
  const into = Buffer.alloc(MESSAGE_BYTES_MAX);
  const sender = signatures();
  const length = encodeAdvertisement(said, null, ends, into, {
    sign: (bytes, end, source) => sender.sign(bytes, end, source, NOW_MS),
  });
  const expected = expectation(3, IPV4, null);
  const seeds = [into.subarray(0, length), encoded(said, IPV4, null)];
  return {
    name: 'VRRP signed',
    seeds,
    decode: (bytes) => {
      const believer = signatures();
      const packet = received(bytes, IPV4);
      const whole = {
        ...expected,
        checkSignature: (each: ReceivedPacket, isSigned: boolean) =>
          believer.check(each, isSigned, { utcMs: NOW_MS, bootMs: 0 }),
      };
      const first = decodeAdvertisement(packet, whole);
      if (!first.ok) return false;
      assert.deepEqual(first.value.advertisement, said, 'a forged one is believed');
      const again = decodeAdvertisement(packet, whole);
      assert.deepEqual(again, { ok: false, reason: 'replayed' });
      return true;
    },
  };
}

const digest = (bytes: Uint8Array): Uint8Array =>
  createHmac('md5', 'secret').update(bytes).digest();

/** From the IP header on; the header's digest covers all that counts. */
function inHeader(): Decoder {
  const message = encoded(advertisement(2, IPV4, 1), IPV4, 'header');
  const head = Buffer.from('45c0000000010000ff330000', 'hex');
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(PEER, 0);
  ends.writeUInt32BE(GROUP, 4);
  const packet = Buffer.concat([head, ends, Buffer.alloc(24), message]);
  packet.writeUInt16BE(packet.length, 2);
  sealPacket(packet, 1, digest);
  return {
    name: 'VRRP in an authentication header',
    seeds: [packet],
    decode: (bytes) => {
      const ip = decodeIpv4Packet(bytes);
      if (ip === null) return false;
      assert.ok(ip.message.length <= bytes.length && ip.whole.length <= bytes.length);
      assert.ok(ip.ttl >= 0 && ip.ttl <= 255);
      const opened = openPacket(ip.whole, digest);
      if (opened.ok) assert.deepEqual(Buffer.from(opened.value.message), message, 'a forged one');
      return opened.ok;
    },
  };
}

export const VRRP_DECODERS: readonly Decoder[] = [
  plain('VRRP version 2', 2, IPV4, passwordField('1111')),
  plain('VRRP version 3', 3, IPV4, null),
  plain('VRRP version 3 on IPv6', 3, IPV6, null),
  signed(),
  inHeader(),
];
