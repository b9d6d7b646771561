/**
 * The IP Authentication Header around a VRRP version 2 packet (RFC 2338 section 5.3.6.3, RFC 2402, with
 * HMAC-MD5-96 of RFC 2403), as keepalived makes it: the key is the password, the SPI the source address,
 * and of the IP header only type of service, fragment offset and checksum count as 0.
 *
 *   0       next header: VRRP         8..11   sequence number
 *   1       length in words - 2       12..23  integrity check value
 *   2..3    0
 *   4..7    security parameters index
 */

import { assert } from '../core/assert.ts';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { IPPROTO_VRRP } from './packet.ts';

export const IPPROTO_AH = 51;
export const AUTHENTICATION_HEADER_BYTES = 24;

const IP_HEADER_BYTES = 20;
const LENGTH_WORDS = AUTHENTICATION_HEADER_BYTES / 4 - 2;
const DIGEST_OFFSET = 12;
const DIGEST_BYTES = 12;
const IP_TYPE_OF_SERVICE = 1;
const IP_FRAGMENT = 6;
const IP_CHECKSUM = 10;
const IP_SOURCE = 12;

/** HMAC-MD5 with the password as the key; 16 bytes, of which 12 travel. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/**
 * Completes a packet that is about to be sent: an IPv4 header without options, room for this header, the
 * VRRP message. The IP header must be as it will travel, but for its checksum.
 */
export function sealPacket(packet: Uint8Array, sequence: number, digest: Digest): void {
  const header = packet.subarray(IP_HEADER_BYTES, IP_HEADER_BYTES + AUTHENTICATION_HEADER_BYTES);
  assert(header.length === AUTHENTICATION_HEADER_BYTES, 'the packet has room for the header');
  header.fill(0);
  header[0] = IPPROTO_VRRP;
  header[1] = LENGTH_WORDS;
  writeUint32(header, 4, readUint32(packet, IP_SOURCE));
  writeUint32(header, 8, sequence);
  header.set(checkValue(packet, digest), DIGEST_OFFSET);
}

export type OpenedPacket = {
  readonly sequence: number;
  /** The VRRP message; a view into the packet. */
  readonly message: Uint8Array;
};

/** Checks a packet as received, from its IP header on. Never throws. */
export function openPacket(
  packet: Uint8Array,
  digest: Digest,
): Result<OpenedPacket, 'too-short' | 'wrong-header' | 'wrong-digest'> {
  if (packet.length < IP_HEADER_BYTES + AUTHENTICATION_HEADER_BYTES) return fail('too-short');
  const ipHeaderBytes = ((packet[0] ?? 0) & 0xf) * 4;
  const header = packet.subarray(IP_HEADER_BYTES, IP_HEADER_BYTES + AUTHENTICATION_HEADER_BYTES);
  const isOurs =
    ipHeaderBytes === IP_HEADER_BYTES &&
    header[0] === IPPROTO_VRRP &&
    header[1] === LENGTH_WORDS &&
    readUint16(header, 2) === 0;
  if (!isOurs) return fail('wrong-header');
  const expected = checkValue(packet, digest);
  // Every byte is looked at, so that the time tells nothing.
  let difference = 0;
  for (const [index, byte] of expected.entries()) {
    difference |= byte ^ (header[DIGEST_OFFSET + index] ?? 0);
  }
  if (difference !== 0) return fail('wrong-digest');
  const message = packet.subarray(IP_HEADER_BYTES + AUTHENTICATION_HEADER_BYTES);
  return ok({ sequence: readUint32(header, 8), message });
}

function checkValue(packet: Uint8Array, digest: Digest): Uint8Array {
  // Not slice(): that of a Buffer is no copy.
  const bytes = Uint8Array.from(packet);
  bytes[IP_TYPE_OF_SERVICE] = 0;
  writeUint16(bytes, IP_FRAGMENT, 0);
  writeUint16(bytes, IP_CHECKSUM, 0);
  bytes.fill(0, IP_HEADER_BYTES + DIGEST_OFFSET, IP_HEADER_BYTES + DIGEST_OFFSET + DIGEST_BYTES);
  return digest(bytes).subarray(0, DIGEST_BYTES);
}
