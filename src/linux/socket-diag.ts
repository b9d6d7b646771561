/**
 * TCP connections of this machine, as the kernel has them: sock_diag(7). So the guardian knows whose connections there are
 * without believing a balancer, and without a word of work for each of them there.
 */

import { assert } from '../core/assert.ts';
import type { NetlinkMessage } from './netlink.ts';
import { NETLINK_SOCK_DIAG, NetlinkSocket } from './netlink.ts';
import { AF_INET, AF_INET6, IPPROTO_TCP } from './sockets.ts';

const SOCK_DIAG_BY_FAMILY = 20;
/** struct inet_diag_req_v2. */
const REQUEST_BYTES = 56;
/** struct inet_diag_msg up to the addresses. */
const ANSWER_BYTES_MIN = 40;
/** By their numbers in tcp(7): established, both halves of an end, and closed by the other side. */
const STATES = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 8);
const ABOUT = 'list of connections';
/** ::ffff:0:0/96, as one text of its bytes. */
const MAPPED = `${'\0'.repeat(10)}\xff\xff`;

/** Addresses and the port as texts of their bytes in network order: 4 or 16, and 2. */
export type TcpConnection = {
  readonly local: string;
  readonly remote: string;
  readonly remotePort: string;
};

/** Lists those at one local port, one list after the other by the same socket; the owner closes it. */
export class ConnectionLister {
  readonly #socket = new NetlinkSocket(0, NETLINK_SOCK_DIAG);
  #isOver = true;

  /**
   * `v6`: of sockets of IPv6, which may have connections of IPv4. The list of before has been read to its end.
   * Throws SystemError: ENOENT where the kernel has no such list. After an error it can only be closed.
   */
  begin(v6: boolean, port: number): void {
    assert(this.#isOver, 'one list is read after the other');
    const request = Buffer.alloc(REQUEST_BYTES);
    request.writeUInt8(v6 ? AF_INET6 : AF_INET, 0);
    request.writeUInt8(IPPROTO_TCP, 1);
    request.writeUInt32LE(STATES, 4);
    request.writeUInt16BE(port, 8);
    this.#isOver = false;
    this.#socket.beginDump(SOCK_DIAG_BY_FAMILY, request, ABOUT);
  }

  /** Some hundreds of them; null: that was all. Throws SystemError. */
  next(): readonly TcpConnection[] | null {
    if (this.#isOver) return null;
    const parts = this.#socket.nextPart(ABOUT);
    if (parts === null) this.#isOver = true;
    return parts?.map(decodeConnection).filter((one) => one !== null) ?? null;
  }

  close(): void {
    this.#socket.close();
  }
}

/** null: it is cut. */
function decodeConnection({ payload }: NetlinkMessage): TcpConnection | null {
  if (payload.length < ANSWER_BYTES_MIN) return null;
  const bytes = payload.readUInt8(0) === AF_INET ? 4 : 16;
  return {
    remotePort: payload.toString('latin1', 6, 8),
    local: unmapped(payload.toString('latin1', 8, 8 + bytes)),
    remote: unmapped(payload.toString('latin1', 24, 24 + bytes)),
  };
}

function unmapped(address: string): string {
  return address.length === 16 && address.startsWith(MAPPED) ? address.slice(12) : address;
}
