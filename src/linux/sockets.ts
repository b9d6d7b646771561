/**
 * TCP and unix sockets as the guardian opens them: socket(2), bind(2), listen(2), ip(7), tcp(7).
 * The relay's hot path has its own calls in stream-calls.ts.
 */

import { parseIpv4 } from '../core/ip.ts';
import { EADDRINUSE, SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { addressOf, errno } from './libc.ts';
import { bindCall, listenCall, setsockoptCall, socketCall } from './socket-calls.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
export const SO_BINDTODEVICE = 25;
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_TCP = 6;
const IP_FREEBIND = 15;
export const IPV6_FREEBIND = 78;
export const IPV6_V6ONLY = 26;
export const TCP_NODELAY = 1;

/** Longest queue of connections the kernel completes before we accept (net.core.somaxconn caps it). */
export const LISTEN_BACKLOG = 4096;

export type SocketAddress =
  | { readonly kind: 'ipv4'; readonly host: string; readonly port: number }
  | { readonly kind: 'ipv6'; readonly host: string; readonly port: number }
  /** A path that begins with "\0" is a name in the abstract namespace. */
  | { readonly kind: 'unix'; readonly path: string };

/** struct sockaddr_in, sockaddr_in6 or sockaddr_un in wire form; throws on an address that is not numeric. */
export function encodeSocketAddress(address: SocketAddress): Buffer {
  switch (address.kind) {
    case 'ipv4': {
      const parsed = parseIpv4(address.host);
      if (!parsed.ok) throw new TypeError(parsed.reason);
      const buffer = Buffer.alloc(16);
      buffer.writeUInt16LE(AF_INET, 0);
      buffer.writeUInt16BE(address.port, 2);
      buffer.writeUInt32BE(parsed.value, 4);
      return buffer;
    }
    case 'ipv6': {
      const buffer = Buffer.alloc(28);
      buffer.writeUInt16LE(AF_INET6, 0);
      buffer.writeUInt16BE(address.port, 2);
      ipv6Bytes(address.host).copy(buffer, 8);
      return buffer;
    }
    case 'unix': {
      // In the abstract namespace a name has no end of its own (unix(7)).
      const path = Buffer.from(address.path + (address.path.startsWith('\0') ? '' : '\0'));
      if (path.length > 108) throw new TypeError(`Socket path "${address.path}" is over 107 bytes`);
      const buffer = Buffer.alloc(2 + path.length);
      buffer.writeUInt16LE(AF_UNIX, 0);
      path.copy(buffer, 2);
      return buffer;
    }
  }
}

/** The 16 bytes of an IPv6 address (RFC 4291 section 2.2); throws on anything else. */
function ipv6Bytes(text: string): Buffer {
  // The URL parser is the runtime's own IPv6 parser; it also normalises the "::" and IPv4-tail forms.
  const groups = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  if (groups === undefined) throw new TypeError(`"${text}" is not an IPv6 address`);
  const [head = '', tail] = groups.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const words = [...left, ...new Array(8 - left.length - right.length).fill('0'), ...right];
  const bytes = Buffer.alloc(16);
  for (const [index, word] of words.entries()) {
    bytes.writeUInt16BE(Number.parseInt(word, 16), index * 2);
  }
  return bytes;
}

/** A socket of our own, close-on-exec and non-blocking; the caller owns the descriptor. */
export function openSocket(family: number, type: number, protocol = 0): number {
  const fd = socketCall(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd === -1) throw new SystemError('socket', errno());
  return fd;
}

/** setsockopt(2) with an int value; throws SystemError. */
export function setOption(fd: number, level: number, option: number, value: number): void {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  setOptionBytes(fd, level, option, buffer);
}

/** setsockopt(2) with a structure or string; throws SystemError. */
export function setOptionBytes(fd: number, level: number, option: number, value: Buffer): void {
  if (setsockoptCall(fd, level, option, addressOf(value), value.length) === -1) {
    throw new SystemError('setsockopt', errno(), `level ${level}, option ${option}`);
  }
}

/** bind(2); throws SystemError with code EADDRINUSE, EADDRNOTAVAIL or EACCES where these apply. */
export function bindSocket(fd: number, address: SocketAddress): void {
  const encoded = encodeSocketAddress(address);
  if (bindCall(fd, addressOf(encoded), encoded.length) === -1) {
    throw new SystemError('bind', errno(), describeAddress(address));
  }
}

export type ListenerOptions = {
  /** IPv6: take IPv6 only, or IPv4 as mapped addresses too. */
  readonly v6only: boolean;
  /** Several sockets of ours on one address share its connections. */
  readonly reusePort: boolean;
  /** Takes only what arrives on this interface (SO_BINDTODEVICE); absent: on any. */
  readonly interface?: string;
};

/** A listening stream socket; IP_FREEBIND lets a backup node bind the VIP it does not hold. */
export function openListener(address: SocketAddress, options: ListenerOptions): number {
  const fd = openBound(address, options);
  if (listenCall(fd, LISTEN_BACKLOG) === -1) {
    const error = new SystemError('listen', errno(), describeAddress(address));
    closeFd(fd);
    throw error;
  }
  return fd;
}

function openBound(address: SocketAddress, options: ListenerOptions): number {
  const family = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX }[address.kind];
  const fd = openSocket(family, SOCK_STREAM);
  try {
    if (address.kind !== 'unix') {
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      if (options.reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      const { interface: name } = options;
      if (name !== undefined)
        setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`));
      // Inherited by accepted sockets: one system call less per connection.
      setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (address.kind === 'ipv4') setOption(fd, IPPROTO_IP, IP_FREEBIND, 1);
    if (address.kind === 'ipv6') {
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6only ? 1 : 0);
      setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    }
    bindSocket(fd, address);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Whether somebody else listens there already. SO_REUSEPORT alone would join another process's socket
 * in silence, so a listener is first tried without it, unless the address is shared on purpose.
 */
export function isAddressBusy(address: SocketAddress, options: ListenerOptions): boolean {
  try {
    closeFd(openListener(address, options));
    return false;
  } catch (error) {
    if (error instanceof SystemError && error.errno === EADDRINUSE) return true;
    throw error;
  }
}

/** Whether sockets that are bound later may share this one's address; what is bound already stays so. */
export function setReusePort(fd: number, shared: boolean): void {
  setOption(fd, SOL_SOCKET, SO_REUSEPORT, shared ? 1 : 0);
}

export function describeAddress(address: SocketAddress): string {
  if (address.kind === 'unix') return address.path;
  const host = address.kind === 'ipv6' ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
