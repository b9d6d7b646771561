/**
 * A raw IPv4 socket on one interface, with headers of our own making: raw(7), ip(7). Used for VRRP, whose
 * packets need a source address of our choice and a TTL of 255, and are believed by the TTL they came with.
 */

import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import type { IpAddress } from '../core/ip-address.ts';
import { receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer } from './libc.ts';
import {
  AF_INET,
  openSocket,
  SO_REUSEADDR,
  SOCK_RAW,
  SOL_SOCKET,
  setOption,
  setOptionBytes,
} from './sockets.ts';

const IPPROTO_IP = 0;
const SO_PRIORITY = 12;
const SO_BINDTODEVICE = 25;
const IP_HDRINCL = 3;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
/** TC_PRIO_CONTROL: queued before ordinary traffic. */
const PRIORITY_CONTROL = 6;

const HEADER_BYTES = 20;
const TTL = 255;
/** DSCP CS6, as routing protocols are marked. */
const TYPE_OF_SERVICE = 0xc0;
const PACKET_BYTES_MAX = 4096;

export type RawSocketOptions = {
  readonly protocol: number;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Source of what is sent. */
  readonly source: number;
  /** Multicast group to join; null: none. */
  readonly group: number | null;
};

/** A packet as received; valid until the next receive(). */
export type RawPacket = {
  readonly message: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPv6: the hop limit. */
  readonly ttl: number;
};

export class RawSocket {
  readonly fd: number;
  /** Write the message to send here; sendTo() puts it on the wire. */
  readonly outgoing: Uint8Array;
  readonly #source: number;
  readonly #protocol: number;
  readonly #packet = pinnedBuffer(PACKET_BYTES_MAX);
  readonly #incoming = pinnedBuffer(PACKET_BYTES_MAX);
  readonly #target = Buffer.alloc(16);

  /** Throws SystemError: EPERM without CAP_NET_RAW, ENODEV when the interface is gone. */
  constructor(options: RawSocketOptions) {
    this.#source = options.source;
    this.#protocol = options.protocol;
    this.outgoing = this.#packet.subarray(HEADER_BYTES);
    this.#target.writeUInt16LE(AF_INET, 0);
    this.fd = openSocket(AF_INET, SOCK_RAW, options.protocol);
    try {
      configure(this.fd, options);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Sends the first `length` bytes of `outgoing`; 0 or the errno. */
  sendTo(destination: number, length: number): number {
    const packet = this.#packet;
    // The kernel fills in the length, the identification and the checksum (raw(7), IP_HDRINCL).
    packet.fill(0, 0, HEADER_BYTES);
    packet[0] = 0x45;
    packet[1] = TYPE_OF_SERVICE;
    writeUint16(packet, 2, HEADER_BYTES + length);
    packet[8] = TTL;
    packet[9] = this.#protocol;
    writeUint32(packet, 12, this.#source);
    writeUint32(packet, 16, destination);
    writeUint32(this.#target, 4, destination);
    const sent = sendDatagram(this.fd, packet, HEADER_BYTES + length, this.#target);
    return sent < 0 ? -sent : 0;
  }

  /** The next packet; null: none waits. Packets with a broken IP header are skipped as if lost. */
  receive(): RawPacket | null {
    const bytes = this.#incoming;
    const received = receiveDatagram(this.fd, bytes);
    if (received < HEADER_BYTES) return null;
    const headerBytes = ((bytes[0] ?? 0) & 0xf) * 4;
    const totalBytes = Math.min(received, readUint16(bytes, 2));
    return {
      message: bytes.subarray(Math.min(headerBytes, totalBytes), totalBytes),
      source: readUint32(bytes, 12),
      destination: readUint32(bytes, 16),
      ttl: bytes[8] ?? 0,
    };
  }

  close(): void {
    closeFd(this.fd);
  }
}

function configure(fd: number, options: RawSocketOptions): void {
  const { interfaceName, interfaceIndex, group } = options;
  setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${interfaceName}\0`));
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
  setOption(fd, IPPROTO_IP, IP_HDRINCL, 1);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (group === null) return;
  // struct ip_mreqn: group, local address, interface index.
  const membership = Buffer.alloc(12);
  membership.writeUInt32BE(group, 0);
  membership.writeInt32LE(interfaceIndex, 8);
  setOptionBytes(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership);
  setOptionBytes(fd, IPPROTO_IP, IP_MULTICAST_IF, membership);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
}
