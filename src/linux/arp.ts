/**
 * ARP on one Ethernet interface through a packet socket: packet(7), RFC 826, RFC 5227. Announces addresses
 * (gratuitous ARP), asks whether somebody holds one (ARP probe), and hears who else claims one.
 */

import { assert } from '../core/assert.ts';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import type { IpAddress } from '../core/ip-address.ts';
import { bindRaw, receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer, unpin } from './libc.ts';
import { attachFilter, WATCHED_MAX } from './packet-filter.ts';
import { openSocket, SOCK_RAW } from './sockets.ts';

const AF_PACKET = 17;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV4 = 0x0800;
const HARDWARE_ETHERNET = 1;
const OPERATION_REQUEST = 1;

const FRAME_BYTES = 42;
/** Sender's protocol address, from the start of the frame. */
const SENDER_ADDRESS_OFFSET = 28;
/** Somebody said, by ARP or a Neighbor Advertisement, that `address` is its own. */
export type AddressClaim = { readonly address: IpAddress; readonly mac: string };

/** 6 bytes each: the address that is announced as the holder's, and the interface's own. */
export type ClaimMacs = { readonly announced: Uint8Array; readonly own: Uint8Array };

export class ArpSocket {
  readonly fd: number;
  readonly #macs: ClaimMacs;
  readonly #frame = pinnedBuffer(4096);
  readonly #incoming = pinnedBuffer(4096);

  /**
   * Hears claims to `watched` alone (at most 250). Throws SystemError: EPERM without CAP_NET_RAW.
   */
  constructor(interfaceIndex: number, macs: ClaimMacs, watched: readonly number[]) {
    assert(macs.own.length === 6 && macs.announced.length === 6, 'ARP runs on Ethernet');
    assert(watched.length <= WATCHED_MAX, 'the filter can hold the watched addresses');
    this.#macs = macs;
    // Protocol 0 hears nothing until bind() names interface and protocol: no frame slips past the filter.
    this.fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      attachFilter(this.fd, [], SENDER_ADDRESS_OFFSET, watched);
      // struct sockaddr_ll
      const address = Buffer.alloc(20);
      address.writeUInt16LE(AF_PACKET, 0);
      address.writeUInt16BE(ETHERTYPE_ARP, 2);
      address.writeInt32LE(interfaceIndex, 4);
      bindRaw(this.fd, address, `interface ${interfaceIndex}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Gratuitous ARP as keepalived sends it: a request for our own address; 0 or the errno. */
  announce(address: number): number {
    this.#fill(this.#macs.announced, address, address);
    this.#frame.fill(0xff, 32, 38);
    return this.#send();
  }

  /** ARP probe (RFC 5227 section 2.1.1): who holds it answers, nobody learns anything; 0 or the errno. */
  probe(address: number): number {
    this.#fill(this.#macs.own, 0, address);
    return this.#send();
  }

  /** Asks who has the address, as somebody who has `source` and wants to send there; 0 or the errno. */
  ask(address: number, source: number): number {
    this.#fill(this.#macs.own, source, address);
    return this.#send();
  }

  /** The next claim by another MAC address than these; null: none waits. */
  receive(): AddressClaim | null {
    for (;;) {
      const received = receiveDatagram(this.fd, this.#incoming);
      if (received < 0) return null;
      const claim = decodeArpClaim(this.#incoming.subarray(0, received), this.#macs);
      if (claim !== null) return claim;
    }
  }

  close(): void {
    closeFd(this.fd);
    unpin(this.#frame, this.#incoming);
  }

  #fill(mac: Uint8Array, senderAddress: number, targetAddress: number): void {
    const frame = this.#frame;
    frame.fill(0, 0, FRAME_BYTES);
    frame.fill(0xff, 0, 6);
    frame.set(mac, 6);
    writeUint16(frame, 12, ETHERTYPE_ARP);
    writeUint16(frame, 14, HARDWARE_ETHERNET);
    writeUint16(frame, 16, ETHERTYPE_IPV4);
    frame[18] = 6;
    frame[19] = 4;
    writeUint16(frame, 20, OPERATION_REQUEST);
    frame.set(mac, 22);
    writeUint32(frame, SENDER_ADDRESS_OFFSET, senderAddress);
    writeUint32(frame, 38, targetAddress);
  }

  #send(): number {
    const sent = sendDatagram(this.fd, this.#frame, FRAME_BYTES, null);
    return sent < 0 ? -sent : 0;
  }
}

/** What somebody else claims by a frame; null: it is none of ARP, or our own. Never throws. */
export function decodeArpClaim(frame: Buffer, { own, announced }: ClaimMacs): AddressClaim | null {
  if (frame.length < FRAME_BYTES || readUint16(frame, 12) !== ETHERTYPE_ARP) return null;
  const sender = frame.subarray(22, 28);
  if (sender.equals(own) || sender.equals(announced)) return null;
  return { address: readUint32(frame, SENDER_ADDRESS_OFFSET), mac: formatMac(sender) };
}

export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
