/**
 * Neighbor Discovery (RFC 4861) on one Ethernet interface through a packet socket: for IPv6 what ARP is for
 * IPv4. Announces addresses (unsolicited Neighbor Advertisements), asks whether somebody holds one (as
 * Duplicate Address Detection does, RFC 4862 section 5.4), and hears who else claims one.
 */

import { assert } from '../core/assert.ts';
import { readUint16, writeUint16 } from '../core/bytes.ts';
import { foldChecksum, sumWords } from '../core/checksum.ts';
import {
  type IpAddress,
  isIpv6Address,
  readIpAddress,
  writeIpAddress,
} from '../core/ip-address.ts';
import { type AddressClaim, type ClaimMacs, formatMac } from './arp.ts';
import { bindRaw, receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer, unpin } from './libc.ts';
import { attachFilter, WATCHED_MAX } from './packet-filter.ts';
import { openSocket, SOCK_RAW } from './sockets.ts';

const AF_PACKET = 17;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
const TYPE_NEIGHBOR_SOLICITATION = 135;
const TYPE_NEIGHBOR_ADVERTISEMENT = 136;
const FLAG_OVERRIDE = 0x20;
const OPTION_SOURCE_LINK_ADDRESS = 1;
const OPTION_TARGET_LINK_ADDRESS = 2;
const HOP_LIMIT = 255;
const UNSPECIFIED = 0n;
/** ff02::1 */
const ALL_NODES = 0xff020000000000000000000000000001n;
/** ff02::1:ff00:0/104 (RFC 4291 section 2.7.1), followed by the last 24 bits of the target. */
const SOLICITED_NODE = 0xff0200000000000000000001ff000000n;

const IP_OFFSET = 14;
const PROTOCOL_OFFSET = IP_OFFSET + 6;
const SOURCE_OFFSET = IP_OFFSET + 8;
const DESTINATION_OFFSET = IP_OFFSET + 24;
const ICMP_OFFSET = IP_OFFSET + 40;
const TARGET_OFFSET = ICMP_OFFSET + 8;
/** Up to the options, of both messages. */
const MESSAGE_BYTES = 24;
const OPTION_BYTES = 8;

export class NeighbourSocket {
  readonly fd: number;
  readonly #macs: ClaimMacs;
  readonly #watched: ReadonlySet<IpAddress>;
  readonly #frame = pinnedBuffer(4096);
  readonly #incoming = pinnedBuffer(4096);

  /** Hears claims to `watched` alone (at most 250). Throws SystemError: EPERM without CAP_NET_RAW. */
  constructor(interfaceIndex: number, macs: ClaimMacs, watched: readonly bigint[]) {
    assert(macs.own.length === 6 && macs.announced.length === 6, 'it runs on Ethernet');
    assert(watched.length <= WATCHED_MAX, 'the filter can hold the watched addresses');
    this.#macs = macs;
    this.#watched = new Set(watched);
    // Protocol 0 hears nothing until bind() names interface and protocol: no frame slips past the filter.
    this.fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      const advertisement = [
        { offset: PROTOCOL_OFFSET, value: IPPROTO_ICMPV6 },
        { offset: ICMP_OFFSET, value: TYPE_NEIGHBOR_ADVERTISEMENT },
      ];
      const lastWords = watched.map((address) => Number(address & 0xffffffffn));
      attachFilter(this.fd, advertisement, TARGET_OFFSET + 12, lastWords);
      // struct sockaddr_ll
      const address = Buffer.alloc(20);
      address.writeUInt16LE(AF_PACKET, 0);
      address.writeUInt16BE(ETHERTYPE_IPV6, 2);
      address.writeInt32LE(interfaceIndex, 4);
      bindRaw(this.fd, address, `interface ${interfaceIndex}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Tells everybody that the address is here; 0 or the errno. */
  announce(address: IpAddress): number {
    assert(isIpv6Address(address), 'IPv4 addresses are announced by ARP');
    const frame = this.#frame;
    const mac = this.#macs.announced;
    this.#begin(mac, address, ALL_NODES, MESSAGE_BYTES + OPTION_BYTES);
    frame[ICMP_OFFSET] = TYPE_NEIGHBOR_ADVERTISEMENT;
    frame[ICMP_OFFSET + 4] = FLAG_OVERRIDE;
    writeIpAddress(frame, TARGET_OFFSET, address);
    // Length in units of 8 bytes.
    frame.set([OPTION_TARGET_LINK_ADDRESS, 1, ...mac], ICMP_OFFSET + MESSAGE_BYTES);
    return this.#send(MESSAGE_BYTES + OPTION_BYTES);
  }

  /** From nobody: who holds the address answers to all, nobody learns anything; 0 or the errno. */
  probe(address: IpAddress): number {
    this.#solicit(address, UNSPECIFIED, MESSAGE_BYTES);
    return this.#send(MESSAGE_BYTES);
  }

  /** As somebody who has `source` and wants to send there: who holds it answers this node alone; 0 or the errno. */
  ask(address: IpAddress, source: bigint): number {
    this.#solicit(address, source, MESSAGE_BYTES + OPTION_BYTES);
    const option = [OPTION_SOURCE_LINK_ADDRESS, 1, ...this.#macs.own];
    this.#frame.set(option, ICMP_OFFSET + MESSAGE_BYTES);
    return this.#send(MESSAGE_BYTES + OPTION_BYTES);
  }

  #solicit(address: IpAddress, source: bigint, bytes: number): void {
    assert(isIpv6Address(address), 'IPv4 addresses are asked for by ARP');
    this.#begin(this.#macs.own, source, SOLICITED_NODE | (address & 0xffffffn), bytes);
    this.#frame[ICMP_OFFSET] = TYPE_NEIGHBOR_SOLICITATION;
    writeIpAddress(this.#frame, TARGET_OFFSET, address);
  }

  /** The next claim by another MAC address than these; null: none waits. */
  receive(): AddressClaim | null {
    for (;;) {
      const received = receiveDatagram(this.fd, this.#incoming);
      if (received < 0) return null;
      const claim = decodeNeighbourClaim(this.#incoming.subarray(0, received), this.#macs);
      if (claim !== null && this.#watched.has(claim.address)) return claim;
    }
  }

  close(): void {
    closeFd(this.fd);
    unpin(this.#frame, this.#incoming);
  }

  /** Ethernet and IPv6 header, and nothing behind them. */
  #begin(mac: Uint8Array, source: bigint, group: bigint, bytes: number): void {
    const frame = this.#frame;
    frame.fill(0, 0, ICMP_OFFSET + bytes);
    // The Ethernet group of an IPv6 group (RFC 2464 section 7).
    writeIpAddress(frame, DESTINATION_OFFSET, group);
    frame.set([0x33, 0x33], 0);
    frame.copy(frame, 2, DESTINATION_OFFSET + 12, DESTINATION_OFFSET + 16);
    frame.set(mac, 6);
    writeUint16(frame, 12, ETHERTYPE_IPV6);
    frame[IP_OFFSET] = 0x60;
    writeUint16(frame, IP_OFFSET + 4, bytes);
    frame[PROTOCOL_OFFSET] = IPPROTO_ICMPV6;
    frame[IP_OFFSET + 7] = HOP_LIMIT;
    writeIpAddress(frame, SOURCE_OFFSET, source);
  }

  #send(bytes: number): number {
    writeUint16(this.#frame, ICMP_OFFSET + 2, checksum(this.#frame, bytes));
    const sent = sendDatagram(this.fd, this.#frame, ICMP_OFFSET + bytes, null);
    return sent < 0 ? -sent : 0;
  }
}

/** What somebody else claims by a frame; null: it is no Neighbor Advertisement, or our own. Never throws. */
export function decodeNeighbourClaim(
  frame: Buffer,
  { own, announced }: ClaimMacs,
): AddressClaim | null {
  if (!isAdvertisement(frame)) return null;
  const sender = frame.subarray(6, 12);
  if (sender.equals(own) || sender.equals(announced)) return null;
  return { address: readIpAddress(frame, TARGET_OFFSET, 16), mac: formatMac(sender) };
}

/** Whether RFC 4861 section 7.1.2 lets it be believed. */
function isAdvertisement(frame: Uint8Array): boolean {
  const bytes = readUint16(frame, IP_OFFSET + 4);
  return (
    readUint16(frame, 12) === ETHERTYPE_IPV6 &&
    frame[PROTOCOL_OFFSET] === IPPROTO_ICMPV6 &&
    frame[IP_OFFSET + 7] === HOP_LIMIT &&
    frame[ICMP_OFFSET] === TYPE_NEIGHBOR_ADVERTISEMENT &&
    frame[ICMP_OFFSET + 1] === 0 &&
    bytes >= MESSAGE_BYTES &&
    frame.length >= ICMP_OFFSET + bytes &&
    checksum(frame, bytes) === 0
  );
}

/** With the pseudo-header (RFC 8200 section 8.1): addresses, length, protocol. */
function checksum(frame: Uint8Array, bytes: number): number {
  const pseudo = sumWords(frame, SOURCE_OFFSET, ICMP_OFFSET) + bytes + IPPROTO_ICMPV6;
  return foldChecksum(sumWords(frame, ICMP_OFFSET, ICMP_OFFSET + bytes, pseudo));
}
