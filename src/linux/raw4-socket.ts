/**
 * A raw IPv4 socket on one interface, with headers of our own making: raw(7), ip(7). Used for VRRP, whose
 * packets need a source address of our choice and a TTL of 255, and are believed by the TTL they came with.
 */

import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import { receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer, unpin } from './libc.ts';
import {
  leaveGroup,
  openRawSocket,
  type RawPacket,
  type RawSocketOptions,
  TRAFFIC_CLASS,
  TTL_MAX,
} from './raw-socket.ts';
import {
  AF_INET,
  IPPROTO_IP,
  SO_REUSEADDR,
  SOL_SOCKET,
  setOption,
  setOptionBytes,
} from './sockets.ts';

const IP_HDRINCL = 3;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IP_MULTICAST_ALL = 49;

const HEADER_BYTES = 20;
const PACKET_BYTES_MAX = 4096;

export type Raw4SocketOptions = RawSocketOptions<number> & {
  /** Bytes between the IP header and the message, filled by `complete` of sendTo(). Absent: 0. */
  readonly headroom?: number;
};

/** For packets with a header of their own before the message. */
export type Completion = {
  /** Of the IP header; not 0. */
  readonly identification: number;
  /** Gets the whole packet, its IP header complete but for the checksum. */
  readonly complete: (packet: Uint8Array) => void;
};

export class Raw4Socket {
  readonly fd: number;
  /** Write the message to send here; sendTo() puts it on the wire. */
  readonly outgoing: Uint8Array;
  readonly #source: number;
  readonly #protocol: number;
  readonly #headroom: number;
  readonly #membership: Buffer | null;
  readonly #ttl: number;
  readonly #packet = pinnedBuffer(PACKET_BYTES_MAX);
  readonly #incoming = pinnedBuffer(PACKET_BYTES_MAX);
  readonly #target = pinnedBuffer(16);

  /** Throws SystemError: EPERM without CAP_NET_RAW, ENODEV when the interface is gone. */
  constructor(options: Raw4SocketOptions) {
    this.#source = options.source;
    this.#protocol = options.protocol;
    this.#headroom = options.headroom ?? 0;
    this.#membership = membershipOf(options);
    this.#ttl = options.ttl ?? TTL_MAX;
    this.outgoing = this.#packet.subarray(HEADER_BYTES + this.#headroom);
    this.#target.writeUInt16LE(AF_INET, 0);
    this.fd = openRawSocket(AF_INET, options, (fd) => configure(fd, options));
  }

  /** Sends the first `length` bytes of `outgoing`; 0 or the errno. */
  sendTo(destination: number, length: number, completion: Completion | null = null): number {
    const packet = this.#packet;
    const total = HEADER_BYTES + this.#headroom + length;
    // The kernel fills in the length, the checksum, and an identification of 0 (raw(7), IP_HDRINCL).
    packet[0] = 0x45;
    packet[1] = TRAFFIC_CLASS;
    writeUint16(packet, 2, total);
    writeUint16(packet, 4, completion?.identification ?? 0);
    writeUint16(packet, 6, 0);
    packet[8] = this.#ttl;
    packet[9] = this.#protocol;
    writeUint16(packet, 10, 0);
    writeUint32(packet, 12, this.#source);
    writeUint32(packet, 16, destination);
    writeUint32(this.#target, 4, destination);
    completion?.complete(packet.subarray(0, total));
    const sent = sendDatagram(this.fd, packet, total, this.#target);
    return sent < 0 ? -sent : 0;
  }

  /** The next packet; null: none waits. Packets with a broken IP header are skipped as if lost. */
  receive(): RawPacket | null {
    const received = receiveDatagram(this.fd, this.#incoming);
    return received < 0 ? null : decodeIpv4Packet(this.#incoming.subarray(0, received));
  }

  /**
   * Hears its group no longer. Before another socket joins it on the same interface, made anew with the same index: the
   * kernel would take closing this one for the other's leaving.
   */
  leaveGroup(): void {
    leaveGroup(this.fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, this.#membership);
  }

  close(): void {
    closeFd(this.fd);
    unpin(this.#packet, this.#incoming, this.#target);
  }
}

/** A packet from its IP header on; null: it is too short for one. Views into `bytes`. Never throws. */
export function decodeIpv4Packet(bytes: Uint8Array): RawPacket | null {
  if (bytes.length < HEADER_BYTES) return null;
  const headerBytes = ((bytes[0] ?? 0) & 0xf) * 4;
  const totalBytes = Math.min(bytes.length, readUint16(bytes, 2));
  return {
    message: bytes.subarray(Math.min(headerBytes, totalBytes), totalBytes),
    source: readUint32(bytes, 12),
    destination: readUint32(bytes, 16),
    ttl: bytes[8] ?? 0,
    whole: bytes.subarray(0, totalBytes),
  };
}

function configure(fd: number, options: Raw4SocketOptions): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  setOption(fd, IPPROTO_IP, IP_HDRINCL, 1);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  const membership = membershipOf(options);
  if (membership === null) return;
  if (options.listens !== false) {
    setOptionBytes(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership);
  }
  setOptionBytes(fd, IPPROTO_IP, IP_MULTICAST_IF, membership);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL_MAX);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
}

/** struct ip_mreqn: group, local address, interface index. */
function membershipOf({ interfaceIndex, group }: Raw4SocketOptions): Buffer | null {
  if (group === null) return null;
  const membership = Buffer.alloc(12);
  membership.writeUInt32BE(group, 0);
  membership.writeInt32LE(interfaceIndex, 8);
  return membership;
}
