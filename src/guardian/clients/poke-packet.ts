/**
 * The packet that has a client find out whether its connection is still there: an acknowledgement with numbers that mean
 * nothing (RFC 9293 section 3.10.7.4: a segment that cannot be is answered by what the connection is at). The answer goes
 * to the VIP. Where the VIP's owner has that connection, it takes the answer for a duplicate; where it has none, its
 * kernel resets the client's, by the number that the client itself has just named. So nothing here resets anything, and
 * who is poked wrongly loses nothing.
 *
 * Without a timestamp: Linux drops one that is older than the last (RFC 7323 section 5.3, PAWS), and nobody here knows that. A
 * system that drops what lacks one (section 3.2, BSD) is not reached. Pure.
 */

import { writeUint16, writeUint32 } from '../../core/bytes.ts';
import { foldChecksum, sumWords } from '../../core/checksum.ts';
import type { ClientKey } from './client-list.ts';
import type { ClientService } from './client-message.ts';

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const TCP_BYTES = 20;
const TCP_ACK = 0x10;
const IPPROTO_TCP = 6;
const HOPS = 64;
const WINDOW = 1024;

export const POKE_BYTES_MAX = IPV6_HEADER_BYTES + TCP_BYTES;

export type PokeNumbers = {
  readonly sequence: number;
  readonly acknowledgment: number;
};

/** Writes it from the IP header on; returns its length. `key`: of the family of the VIP. */
export function writePoke(
  into: Uint8Array,
  { vip, port }: ClientService,
  key: ClientKey,
  numbers: PokeNumbers,
): number {
  const v6 = vip.length === 16;
  const tcpAt = v6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
  const addressesAt = v6 ? 8 : 12;
  const length = tcpAt + TCP_BYTES;
  into.fill(0, 0, length);
  if (v6) writeIpv6Header(into);
  else writeIpv4Header(into, length);
  writeText(into, addressesAt, vip);
  writeText(into, addressesAt + vip.length, key.slice(0, -2));
  writeUint16(into, tcpAt, port);
  writeText(into, tcpAt + 2, key.slice(-2));
  writeUint32(into, tcpAt + 4, numbers.sequence);
  writeUint32(into, tcpAt + 8, numbers.acknowledgment);
  into[tcpAt + 12] = (TCP_BYTES / 4) << 4;
  into[tcpAt + 13] = TCP_ACK;
  writeUint16(into, tcpAt + 14, WINDOW);
  const pseudo = sumWords(into, addressesAt, tcpAt, IPPROTO_TCP + TCP_BYTES);
  writeUint16(into, tcpAt + 16, foldChecksum(sumWords(into, tcpAt, length, pseudo)));
  if (!v6) writeUint16(into, 10, foldChecksum(sumWords(into, 0, IPV4_HEADER_BYTES)));
  return length;
}

function writeIpv4Header(into: Uint8Array, length: number): void {
  into[0] = 0x45;
  writeUint16(into, 2, length);
  // Not to be cut into fragments, as the kernel's own.
  into[6] = 0x40;
  into[8] = HOPS;
  into[9] = IPPROTO_TCP;
}

function writeIpv6Header(into: Uint8Array): void {
  into[0] = 0x60;
  writeUint16(into, 4, TCP_BYTES);
  into[6] = IPPROTO_TCP;
  into[7] = HOPS;
}

function writeText(into: Uint8Array, offset: number, text: string): void {
  for (let at = 0; at < text.length; at += 1) into[offset + at] = text.charCodeAt(at);
}
