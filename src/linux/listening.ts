/** What a descriptor listens on: getsockopt(2), getsockname(2). For sockets that another process opened. */

import { formatIpv4 } from '../core/ip.ts';
import { formatIpAddress, readIpAddress } from '../core/ip-address.ts';
import { SystemError } from './errno.ts';
import { addressOf, errno, pinnedBuffer } from './libc.ts';
import { getsocknameCall, getsockoptCall, listenCall } from './socket-calls.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  LISTEN_BACKLOG,
  SO_BINDTODEVICE,
  SOL_SOCKET,
  type SocketAddress,
} from './sockets.ts';

const SO_ACCEPTCONN = 30;
/** struct sockaddr_un is the longest. */
const ADDRESS_BYTES = 110;
const PATH_OFFSET = 2;

const name = pinnedBuffer(ADDRESS_BYTES);
const value = pinnedBuffer(4);
const length = pinnedBuffer(4);

export type Listening = {
  readonly address: SocketAddress;
  /** IPv6: IPv4 clients are not taken as mapped addresses. */
  readonly v6only: boolean;
  /** Bound to it (socket(7), SO_BINDTODEVICE); null: to none. */
  readonly interfaceName: string | null;
};

/** null: no listening socket, or one of a kind that is not ours. */
export function whatListens(fd: number): Listening | null {
  if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 1) return null;
  const address = nameOf(fd);
  if (address === null) return null;
  const v6only = address.kind === 'ipv6' && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) === 1;
  return { address, v6only, interfaceName: interfaceOf(fd) };
}

/**
 * Has a bound TCP socket listen again that somebody who shares it has shut down (shutdown(2) ends listening for all
 * who have it, and keeps the port); whether that was needed. Throws SystemError when the kernel refuses.
 */
export function listenAgain(fd: number): boolean {
  if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 0) return false;
  if (listenCall(fd, LISTEN_BACKLOG) === -1) {
    throw new SystemError('listen', errno(), `descriptor ${fd}`);
  }
  return true;
}

/** null: the socket has no such option. */
function option(fd: number, level: number, name: number): number | null {
  length.writeUInt32LE(value.length);
  const failed = getsockoptCall(fd, level, name, addressOf(value), addressOf(length)) === -1;
  return failed ? null : value.readInt32LE();
}

function interfaceOf(fd: number): string | null {
  length.writeUInt32LE(name.length);
  const to = addressOf(name);
  if (getsockoptCall(fd, SOL_SOCKET, SO_BINDTODEVICE, to, addressOf(length)) === -1) return null;
  const found = name.toString('utf8', 0, length.readUInt32LE()).replace(/\0.*$/s, '');
  return found === '' ? null : found;
}

function nameOf(fd: number): SocketAddress | null {
  length.writeUInt32LE(name.length);
  if (getsocknameCall(fd, addressOf(name), addressOf(length)) === -1) return null;
  switch (name.readUInt16LE()) {
    case AF_INET:
      return { kind: 'ipv4', host: formatIpv4(name.readUInt32BE(4)), port: name.readUInt16BE(2) };
    case AF_INET6: {
      const host = formatIpAddress(readIpAddress(name, 8, 16));
      return { kind: 'ipv6', host, port: name.readUInt16BE(2) };
    }
    case AF_UNIX: {
      const path = name.toString('utf8', PATH_OFFSET, length.readUInt32LE()).replace(/\0.*$/s, '');
      return path === '' ? null : { kind: 'unix', path };
    }
    default:
      return null;
  }
}
