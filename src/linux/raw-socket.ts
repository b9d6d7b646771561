/** What raw sockets of both families share: raw(7), socket(7). Used for VRRP, and to poke clients. */

import { type IpAddress, writeIpAddress } from '../core/ip-address.ts';
import { sendDatagram } from './datagram-calls.ts';
import { SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer, unpin } from './libc.ts';
import {
  AF_INET,
  AF_INET6,
  openSocket,
  SO_BINDTODEVICE,
  SOCK_RAW,
  SOL_SOCKET,
  setOption,
  setOptionBytes,
} from './sockets.ts';

/** Every packet comes with its header. */
const IPPROTO_RAW = 255;
const SO_PRIORITY = 12;
const SO_RCVBUFFORCE = 33;
/** TC_PRIO_CONTROL: queued before ordinary traffic. */
const PRIORITY_CONTROL = 6;
/** Of which the kernel makes twice as many: a flood must not push out the one packet that counts. */
const RECEIVE_BYTES = 512 * 1024;

/** TTL or hop limit of what is sent: nobody beyond a router can forge it. */
export const TTL_MAX = 255;
/** DSCP CS6, as routing protocols are marked. */
export const TRAFFIC_CLASS = 0xc0;

export type RawSocketOptions<Address extends IpAddress> = {
  readonly protocol: number;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Source of what is sent. */
  readonly source: Address;
  /** Multicast group to join; null: none. */
  readonly group: Address | null;
  /** False: the group is only sent to. Absent: true. */
  readonly listens?: boolean;
  /** Of what is sent; IPv6: the hop limit of what is sent to one machine. Absent: 255. */
  readonly ttl?: number;
};

/** A packet as received; valid until the next receive(). */
export type RawPacket = {
  readonly message: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPv6: the hop limit. */
  readonly ttl: number;
  /** From the IP header on; IPv6: the message alone. */
  readonly whole: Uint8Array;
};

/**
 * A raw socket on one interface; `configure` does what its family needs, and the socket is closed when that
 * fails. The caller owns the descriptor. Throws SystemError: EPERM without CAP_NET_RAW, ENODEV when the
 * interface is gone.
 */
export function openRawSocket(
  family: number,
  options: Pick<RawSocketOptions<IpAddress>, 'protocol' | 'interfaceName'>,
  configure: (fd: number) => void,
): number {
  const fd = openSocket(family, SOCK_RAW, options.protocol);
  try {
    setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${options.interfaceName}\0`));
    setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES);
    configure(fd);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** `membership`: as it was joined by; null: it was not. */
export function leaveGroup(
  fd: number,
  level: number,
  option: number,
  membership: Buffer | null,
): void {
  if (membership === null) return;
  try {
    setOptionBytes(fd, level, option, membership);
  } catch (error) {
    // It is a member no longer, or was none.
    if (!(error instanceof SystemError)) throw error;
  }
}

/** Sends IP packets that are written whole, by the routes of the machine, and receives none. */
export class RawSender {
  readonly #fd: number;
  readonly #target: Buffer;
  readonly #addressAt: number;

  /** Throws SystemError: EPERM without CAP_NET_RAW. */
  constructor(v6: boolean) {
    this.#fd = openSocket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
    // struct sockaddr_in, sockaddr_in6.
    this.#target = pinnedBuffer(v6 ? 28 : 16);
    this.#target.writeUInt16LE(v6 ? AF_INET6 : AF_INET, 0);
    this.#addressAt = v6 ? 8 : 4;
  }

  /** Never waits. 0 or the errno. */
  send(packet: Buffer, length: number, destination: IpAddress): number {
    writeIpAddress(this.#target, this.#addressAt, destination);
    const sent = sendDatagram(this.#fd, packet, length, this.#target);
    return sent < 0 ? -sent : 0;
  }

  close(): void {
    closeFd(this.#fd);
    unpin(this.#target);
  }
}
