/**
 * VRRP advertisements on IPv4 and, in version 3 only, IPv6: version 2 (RFC 3768 section 5.3; the password of RFC 2338 section 5.3.6)
 * and version 3 (RFC 9568 section 5.2).
 *
 *   0      version << 4 | type 1      0      version << 4 | type 1
 *   1      virtual router id          1      virtual router id
 *   2      priority                   2      priority
 *   3      number of addresses        3      number of addresses
 *   4      v2: authentication type    4..5   v3: interval in 1/100 s, upper 4 bits reserved
 *   5      v2: interval in s
 *   6..7   checksum                   6..7   checksum, with the pseudo-header of the IP version
 *   8..    addresses                  8..    addresses
 *   then   v2: 8 bytes of authentication data
 *   then   where advertisements are signed: the trailer of vrrp/signature.ts
 */

import { assert } from '../core/assert.ts';
import { readUint16, writeUint16 } from '../core/bytes.ts';
import { foldChecksum, sumWords } from '../core/checksum.ts';
import {
  type IpAddress,
  ipBytes,
  isIpv6Address,
  readIpAddress,
  writeIpAddress,
} from '../core/ip-address.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { hasTrailer, TRAILER_BYTES, type TrailerFault } from './signature.ts';

export const IPPROTO_VRRP = 112;
/** Addresses the count field can hold. */
const ADDRESSES_MAX = 255;
/** Longest message of either version, signed. */
export const MESSAGE_BYTES_MAX = 8 + 16 * ADDRESSES_MAX + TRAILER_BYTES;
/** RFC 9568 section 7.1: the TTL must be 255, so that no packet from beyond a router is believed. */
const TTL = 255;

const TYPE_ADVERTISEMENT = 1;
const HEADER_BYTES = 8;
const AUTH_BYTES = 8;
const AUTH_NONE = 0;
const AUTH_PASSWORD = 1;
const AUTH_HEADER = 2;
/** RFC 9568 section 5.1.1.2. */
const GROUP_IPV4 = 0xe0000012;

/** What an advertisement says. Addresses are unsigned 32-bit numbers. */
export type Advertisement = {
  readonly version: 2 | 3;
  /** 1..255 */
  readonly virtualRouterId: number;
  /** 0: the master leaves. */
  readonly priority: number;
  /** v2: whole seconds up to 255. v3: whole hundredths up to 40.95 s. */
  readonly intervalMs: number;
  readonly addresses: readonly IpAddress[];
};

/**
 * Version 2 only: 8 bytes as passwordField() makes them; 'header': the packet is in an IP Authentication
 * Header (vrrp/authentication-header.ts); null: none.
 */
export type Authentication = Uint8Array | 'header' | null;

/** An IP packet of protocol 112 as it came in. */
export type ReceivedPacket = {
  /** The VRRP message alone, cut to the length the IP header states. */
  readonly message: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPv6: the hop limit. */
  readonly ttl: number;
  /** How the IP Authentication Header around it was found; absent: there was none. */
  readonly header?: 'valid' | 'wrong-digest' | 'replayed';
};

/**
 * What a checksum of version 3 on IPv4 covers beside the message. 'rfc': the pseudo-header. 'as-v2': nothing
 * (keepalived from 2.3 on: v3_checksum_as_v2). 'old-unicast': a pseudo-header with the multicast group as its
 * destination (keepalived up to 1.3.6; old_unicast_checksum).
 */
export type ChecksumRule = 'rfc' | 'as-v2' | 'old-unicast';

export type SignatureFault = TrailerFault | 'unsigned' | 'stale-signature' | 'replayed';

/** Holds a received packet, with or without a trailer, against the keys; null: it is believed. */
export type SignatureCheck = (packet: ReceivedPacket, signed: boolean) => SignatureFault | null;

/** Writes the trailer behind the message of that length; returns the length of both. */
export type Sign = (into: Uint8Array, length: number, source: IpAddress) => number;

/** What an instance takes as an advertisement for itself. */
export type Expectation = {
  readonly version: 2 | 3;
  readonly virtualRouterId: number;
  readonly password: Authentication;
  readonly intervalMs: number;
  readonly addresses: readonly IpAddress[];
  readonly ownAddress: IpAddress;
  /** Any but 'rfc' is taken beside it. Absent: 'rfc'. */
  readonly checksum?: ChecksumRule;
  /** Absent: signed packets are not understood. */
  readonly checkSignature?: SignatureCheck;
  /** The group listened to, or the peers whose packets are believed. */
  readonly transport:
    | { readonly kind: 'multicast'; readonly group: IpAddress }
    | {
        readonly kind: 'unicast';
        readonly peers: readonly IpAddress[];
        /** Of what comes from that peer; from one that is not here, 255. */
        readonly ttls?: ReadonlyMap<IpAddress, TtlRange>;
      };
};

/** 0..255, both included; IPv6: hop limits. */
export type TtlRange = { readonly min: number; readonly max: number };

/** Why a packet was dropped, in the order of the checks. */
export type DropReason =
  | 'too-short'
  | 'other-router'
  | 'own-packet'
  | 'wrong-length'
  | 'wrong-ttl'
  | 'wrong-version'
  | 'unexpected-signature'
  | 'unsigned'
  | 'malformed-signature'
  | 'unknown-key'
  | 'wrong-signature'
  | 'stale-signature'
  | 'wrong-authentication-type'
  | 'wrong-password'
  | 'wrong-digest'
  | 'replayed'
  | 'wrong-interval'
  | 'wrong-type'
  | 'bad-checksum'
  | 'wrong-destination'
  | 'unknown-peer';

export type AcceptedAdvertisement = {
  readonly advertisement: Advertisement;
  /** False: the sender is configured with another list; worth a warning, never a second master. */
  readonly addressesMatch: boolean;
  /** v3: false when the sender's interval is another; a backup adopts it. */
  readonly intervalMatches: boolean;
};

/** The 8 bytes of authentication data for a password of at most 8 bytes (RFC 2338 section 5.3.6.1). */
export function passwordField(password: string): Uint8Array {
  const bytes = new TextEncoder().encode(password);
  assert(bytes.length <= AUTH_BYTES, 'a VRRP password has at most 8 bytes');
  const field = new Uint8Array(AUTH_BYTES);
  field.set(bytes);
  return field;
}

/** The addresses of the packet: they tell the family, and the checksum covers them. */
export type Ends = { readonly source: IpAddress; readonly destination: IpAddress };

/** Writes the message at the start of `into` (MESSAGE_BYTES_MAX is always enough); returns its length. */
export function encodeAdvertisement(
  advertisement: Advertisement,
  password: Authentication,
  ends: Ends,
  into: Uint8Array,
  { checksum = 'rfc', sign }: { readonly checksum?: ChecksumRule; readonly sign?: Sign } = {},
): number {
  const { version, virtualRouterId, priority, addresses } = advertisement;
  assert(
    isByte(virtualRouterId) && virtualRouterId > 0,
    'a virtual router has a number of 1 to 255',
  );
  assert(isByte(priority), 'a priority is one of 0 to 255');
  assert(addresses.length <= ADDRESSES_MAX, 'an advertisement holds at most 255 addresses');
  const size = ipBytes(ends.source);
  const length = messageLength(version, addresses.length, size);
  assert(into.length >= length, 'the buffer holds the advertisement');
  into[0] = (version << 4) | TYPE_ADVERTISEMENT;
  into[1] = virtualRouterId;
  into[2] = priority;
  into[3] = addresses.length;
  writeInterval(advertisement, password, into);
  writeUint16(into, 6, 0);
  let offset = HEADER_BYTES;
  for (const address of addresses) {
    assert(ipBytes(address) === size, 'an advertisement is of one family');
    writeIpAddress(into, offset, address);
    offset += size;
  }
  if (version === 2) {
    if (password instanceof Uint8Array) into.set(password, offset);
    else into.fill(0, offset, offset + AUTH_BYTES);
  }
  const total = sign === undefined ? length : sign(into, length, ends.source);
  const covered = isIpv6Address(ends.source) ? total : length;
  writeUint16(into, 6, messageChecksum(version, into.subarray(0, covered), ends, checksum));
  return total;
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

function writeInterval(
  { version, intervalMs }: Advertisement,
  password: Authentication,
  into: Uint8Array,
): void {
  if (version === 2) {
    assert(intervalMs % 1000 === 0 && intervalMs <= 255_000, 'v2 intervals are whole seconds');
    into[4] = authenticationType(password);
    into[5] = intervalMs / 1000;
  } else {
    assert(intervalMs % 10 === 0 && intervalMs <= 40_950, 'v3 intervals are hundredths of seconds');
    assert(password === null, 'v3 has no authentication');
    writeUint16(into, 4, intervalMs / 10);
  }
}

/** Checks a packet as RFC 3768 and RFC 9568 section 7.1 ask for it, and reads it. Never throws. */
export function decodeAdvertisement(
  packet: ReceivedPacket,
  expected: Expectation,
): Result<AcceptedAdvertisement, DropReason> {
  const { message } = packet;
  const reason = whyDropped(packet, expected);
  if (reason !== null) return fail(reason);
  const count = message[3] ?? 0;
  const addresses: IpAddress[] = [];
  const size = ipBytes(expected.ownAddress);
  for (let index = 0; index < count; index += 1) {
    addresses.push(readIpAddress(message, HEADER_BYTES + size * index, size));
  }
  const advertisement = {
    version: expected.version,
    virtualRouterId: expected.virtualRouterId,
    priority: message[2] ?? 0,
    intervalMs: readInterval(expected.version, message),
    addresses,
  };
  return ok({
    advertisement,
    addressesMatch: sameAddresses(addresses, expected.addresses),
    intervalMatches: advertisement.intervalMs === expected.intervalMs,
  });
}

function whyDropped(packet: ReceivedPacket, expected: Expectation): DropReason | null {
  const { message, source } = packet;
  if (message.length < HEADER_BYTES) return 'too-short';
  const version = (message[0] ?? 0) >>> 4;
  if (message[1] !== expected.virtualRouterId) return 'other-router';
  if (source === expected.ownAddress) return 'own-packet';
  // A version we do not know has a length we do not know either.
  if (version !== 2 && version !== 3) return 'wrong-version';
  const length = messageLength(version, message[3] ?? 0, ipBytes(expected.ownAddress));
  const signed = hasTrailer(message, length);
  if (message.length !== length && !signed) return 'wrong-length';
  if (!hasRightTtl(packet, expected.transport)) return 'wrong-ttl';
  if (version !== expected.version) return 'wrong-version';
  if (signed && expected.checkSignature === undefined) return 'unexpected-signature';
  const fault = expected.checkSignature?.(packet, signed) ?? null;
  if (fault !== null) return fault;
  return whyMessageDropped({ ...packet, message: message.subarray(0, length) }, packet, expected);
}

/** `packet` without a trailer; `whole` as it came. */
function whyMessageDropped(
  packet: ReceivedPacket,
  whole: ReceivedPacket,
  expected: Expectation,
): DropReason | null {
  const { message } = packet;
  if (expected.version === 2) {
    const reason = whyNotAuthentic(packet, expected.password);
    if (reason !== null) return reason;
    if (readInterval(2, message) !== expected.intervalMs) return 'wrong-interval';
  }
  if (((message[0] ?? 0) & 0xf) !== TYPE_ADVERTISEMENT) return 'wrong-type';
  // On IPv6 the kernel of the sender makes the checksum, over all there is.
  const covered = isIpv6Address(packet.source) ? whole.message : message;
  if (!hasRightChecksum(covered, packet, expected)) return 'bad-checksum';
  return whyNotFromPeer(packet, expected);
}

function authenticationType(password: Authentication): number {
  if (password === null) return AUTH_NONE;
  return password === 'header' ? AUTH_HEADER : AUTH_PASSWORD;
}

function whyNotAuthentic(
  { message, header }: ReceivedPacket,
  expected: Authentication,
): DropReason | null {
  if (message[4] !== authenticationType(expected)) return 'wrong-authentication-type';
  if (expected instanceof Uint8Array) {
    const start = message.length - AUTH_BYTES;
    const isRight = expected.every((byte, index) => message[start + index] === byte);
    return isRight ? null : 'wrong-password';
  }
  if (expected === null || header === 'valid') return null;
  return header ?? 'wrong-authentication-type';
}

/** Of a stranger any is right: it is dropped as such. */
function hasRightTtl(
  { source, ttl }: ReceivedPacket,
  transport: Expectation['transport'],
): boolean {
  if (transport.kind === 'multicast') return ttl === TTL;
  if (!transport.peers.includes(source)) return true;
  const { min, max } = transport.ttls?.get(source) ?? { min: TTL, max: TTL };
  return ttl >= min && ttl <= max;
}

function whyNotFromPeer(packet: ReceivedPacket, expected: Expectation): DropReason | null {
  const { transport } = expected;
  if (transport.kind === 'multicast') {
    return packet.destination === transport.group ? null : 'wrong-destination';
  }
  if (packet.destination !== expected.ownAddress) return 'wrong-destination';
  return transport.peers.includes(packet.source) ? null : 'unknown-peer';
}

function readInterval(version: 2 | 3, message: Uint8Array): number {
  return version === 2 ? (message[5] ?? 0) * 1000 : (readUint16(message, 4) & 0xfff) * 10;
}

function messageLength(version: 2 | 3, addresses: number, size: number): number {
  return HEADER_BYTES + size * addresses + (version === 2 ? AUTH_BYTES : 0);
}

function hasRightChecksum(
  bytes: Uint8Array,
  ends: Ends,
  { version, checksum = 'rfc' }: Expectation,
): boolean {
  if (messageChecksum(version, bytes, ends, 'rfc') === 0) return true;
  return checksum !== 'rfc' && messageChecksum(version, bytes, ends, checksum) === 0;
}

/** v3 covers the pseudo-header too (RFC 9568 section 5.2.8); v2 the message alone. */
function messageChecksum(
  version: 2 | 3,
  bytes: Uint8Array,
  { source, destination }: Ends,
  rule: ChecksumRule,
): number {
  const sum = sumWords(bytes, 0, bytes.length);
  const isIpv6 = isIpv6Address(source);
  if (version === 2 || (rule === 'as-v2' && !isIpv6)) return foldChecksum(sum);
  const to = rule === 'old-unicast' && !isIpv6 ? GROUP_IPV4 : destination;
  return foldChecksum(sum + sumAddress(source) + sumAddress(to) + IPPROTO_VRRP + bytes.length);
}

function sumAddress(address: IpAddress): number {
  if (!isIpv6Address(address)) return (address >>> 16) + (address & 0xffff);
  const bytes = new Uint8Array(ipBytes(address));
  writeIpAddress(bytes, 0, address);
  return sumWords(bytes, 0, bytes.length);
}

/** The order may differ: keepalived sends the list in the order of its file. */
function sameAddresses(left: readonly IpAddress[], right: readonly IpAddress[]): boolean {
  return left.length === right.length && left.every((address) => right.includes(address));
}
