/**
 * A raw IPv6 socket on one interface: ipv6(7), RFC 3542. Used for VRRP, whose packets need a hop limit of
 * 255 and a source address of our choice, and are believed by the hop limit they came with.
 */

import {
  type IpAddress,
  isIpv6Address,
  readIpAddress,
  writeIpAddress,
} from '../core/ip-address.ts';
import { bindRaw, receiveMessage, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { addressOf, pinnedBuffer, unpin } from './libc.ts';
import {
  leaveGroup,
  openRawSocket,
  type RawPacket,
  type RawSocketOptions,
  TRAFFIC_CLASS,
  TTL_MAX,
} from './raw-socket.ts';
import { AF_INET6, IPPROTO_IPV6, IPV6_FREEBIND, setOption, setOptionBytes } from './sockets.ts';

const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_JOIN_GROUP = 20;
const IPV6_LEAVE_GROUP = 21;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;

const BYTES_MAX = 8192;
const ADDRESS_BYTES = 28;
const CONTROL_BYTES = 256;
/** struct msghdr on 64-bit machines. */
const MESSAGE_HEADER_BYTES = 56;
const MESSAGE_HEADER_CONTROL_LENGTH = 40;
/** struct cmsghdr: length, level, type. */
const CONTROL_HEADER_BYTES = 16;

export class Raw6Socket {
  readonly fd: number;
  /** Write the message to send here; sendTo() puts it on the wire. */
  readonly outgoing: Uint8Array;
  readonly #outgoing = pinnedBuffer(BYTES_MAX);
  readonly #incoming = pinnedBuffer(BYTES_MAX);
  readonly #sender = pinnedBuffer(ADDRESS_BYTES);
  readonly #control = pinnedBuffer(CONTROL_BYTES);
  readonly #vector = pinnedBuffer(16);
  readonly #header = pinnedBuffer(MESSAGE_HEADER_BYTES);
  readonly #target = pinnedBuffer(ADDRESS_BYTES);
  readonly #interfaceIndex: number;
  readonly #membership: Buffer | null;

  /** Throws SystemError: EPERM without CAP_NET_RAW, ENODEV when the interface is gone. */
  constructor(options: RawSocketOptions<IpAddress>) {
    this.outgoing = this.#outgoing;
    this.#interfaceIndex = options.interfaceIndex;
    this.#membership = membershipOf(options);
    this.#vector.writeBigUInt64LE(BigInt(addressOf(this.#incoming)), 0);
    this.#vector.writeBigUInt64LE(BigInt(BYTES_MAX), 8);
    this.#header.writeBigUInt64LE(BigInt(addressOf(this.#sender)), 0);
    this.#header.writeBigUInt64LE(BigInt(addressOf(this.#vector)), 16);
    this.#header.writeBigUInt64LE(1n, 24);
    this.#header.writeBigUInt64LE(BigInt(addressOf(this.#control)), 32);
    this.fd = openRawSocket(AF_INET6, options, (fd) => configure(fd, options));
  }

  /** Sends the first `length` bytes of `outgoing`; 0 or the errno. */
  sendTo(destination: IpAddress, length: number): number {
    fillSocketAddress(this.#target, destination, this.#interfaceIndex);
    const sent = sendDatagram(this.fd, this.#outgoing, length, this.#target);
    return sent < 0 ? -sent : 0;
  }

  /** The next packet; null: none waits. */
  receive(): RawPacket | null {
    // The kernel writes lengths and flags into it.
    this.#header.writeUInt32LE(ADDRESS_BYTES, 8);
    this.#header.writeUInt32LE(CONTROL_BYTES, MESSAGE_HEADER_CONTROL_LENGTH);
    this.#header.writeUInt32LE(0, MESSAGE_HEADER_CONTROL_LENGTH + 4);
    const received = receiveMessage(this.fd, this.#header);
    if (received < 0) return null;
    const { destination, hopLimit } = this.#readControl();
    const message = this.#incoming.subarray(0, received);
    return {
      message,
      whole: message,
      source: readIpAddress(this.#sender, 8, 16),
      destination,
      ttl: hopLimit,
    };
  }

  /** As of IPv4 (linux/raw4-socket.ts). */
  leaveGroup(): void {
    leaveGroup(this.fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, this.#membership);
  }

  close(): void {
    closeFd(this.fd);
    unpin(this.#outgoing, this.#incoming, this.#sender, this.#control);
    unpin(this.#vector, this.#header, this.#target);
  }

  #readControl(): { readonly destination: IpAddress; readonly hopLimit: number } {
    const control = this.#control;
    const end = Number(this.#header.readBigUInt64LE(MESSAGE_HEADER_CONTROL_LENGTH));
    let destination: IpAddress = 0n;
    let hopLimit = 0;
    let offset = 0;
    while (offset + CONTROL_HEADER_BYTES <= Math.min(end, CONTROL_BYTES)) {
      const length = Number(control.readBigUInt64LE(offset));
      if (length < CONTROL_HEADER_BYTES || offset + length > CONTROL_BYTES) break;
      const type = control.readInt32LE(offset + 12);
      const data = offset + CONTROL_HEADER_BYTES;
      if (control.readInt32LE(offset + 8) === IPPROTO_IPV6) {
        if (type === IPV6_HOPLIMIT) hopLimit = control.readInt32LE(data);
        if (type === IPV6_PKTINFO) destination = readIpAddress(control, data, 16);
      }
      offset += Math.ceil(length / 8) * 8;
    }
    return { destination, hopLimit };
  }
}

/** struct sockaddr_in6. Link-local addresses, unicast and multicast, mean one interface. */
function socketAddress(address: IpAddress, interfaceIndex: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  fillSocketAddress(bytes, address, interfaceIndex);
  return bytes;
}

function fillSocketAddress(into: Buffer, address: IpAddress, interfaceIndex: number): void {
  into.writeUInt16LE(AF_INET6, 0);
  writeIpAddress(into, 8, address);
  const isLocal = isIpv6Address(address) && isLinkLocal(address);
  into.writeUInt32LE(isLocal ? interfaceIndex : 0, 24);
}

/** fe80::/10, ff02::/16. */
function isLinkLocal(address: bigint): boolean {
  return address >> 118n === 0x3fan || address >> 112n === 0xff02n;
}

function configure(fd: number, options: RawSocketOptions<IpAddress>): void {
  const { interfaceName, interfaceIndex, source } = options;
  setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, options.ttl ?? TTL_MAX);
  setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, TRAFFIC_CLASS);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  // A link-local address just after the interface came up is tentative for a second (RFC 4862).
  setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
  bindRaw(fd, socketAddress(source, interfaceIndex), `interface "${interfaceName}"`);
  const membership = membershipOf(options);
  if (membership === null) return;
  if (options.listens !== false) setOptionBytes(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, membership);
  setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, interfaceIndex);
  setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL_MAX);
  setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
}

/** struct ipv6_mreq: group, interface index. */
function membershipOf({ interfaceIndex, group }: RawSocketOptions<IpAddress>): Buffer | null {
  if (group === null) return null;
  const membership = Buffer.alloc(20);
  writeIpAddress(membership, 0, group);
  membership.writeInt32LE(interfaceIndex, 16);
  return membership;
}
