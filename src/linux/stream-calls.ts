/**
 * The relay's hot path: accept4(2), connect(2), recv(2), send(2), splice(2), pipe2(2), shutdown(2) and
 * what belongs to them. No allocation, no exceptions: every call returns its result or the negated errno.
 */

import { EINTR, errorName } from './errno.ts';
import { addressOf, bind, errno, pinnedBuffer } from './libc.ts';
import {
  bindCall,
  connectCall,
  getsocknameCall,
  getsockoptCall,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  recvCall,
  sendCall,
  setsockoptCall,
  socketCall,
} from './socket-calls.ts';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from './sockets.ts';

const accept4 = bind<[number, number, number, number]>('int', 'accept4', [
  'int',
  'int64_t',
  'int64_t',
  'int',
]);
const spliceCall = bind<[number, number, number, number, number, number]>('int64_t', 'splice', [
  'int',
  'int64_t',
  'int',
  'int64_t',
  'size_t',
  'uint32_t',
]);
const pipe2 = bind<[number, number]>('int', 'pipe2', ['int64_t', 'int']);
const fcntl = bind<[number, number, number]>('int', 'fcntl', ['int', 'int', 'int']);
const shutdownCall = bind<[number, number]>('int', 'shutdown', ['int', 'int']);
const closeCall = bind<[number]>('int', 'close', ['int']);
const getpeername = bind<[number, number, number]>('int', 'getpeername', [
  'int',
  'int64_t',
  'int64_t',
]);

const IP_BIND_ADDRESS_NO_PORT = 24;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_QUICKACK = 12;
const TCP_USER_TIMEOUT = 18;
const SHUT_WR = 1;
const MSG_PEEK = 2;
const MSG_MORE = 0x8000;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const SPLICE_F_MORE = 4;
const F_SETPIPE_SZ = 1031;
const STREAM_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** Room for a struct sockaddr of any family that a peer of ours can have. */
const ADDRESS_BYTES = 128;

const scratch = pinnedBuffer(4096);
const scratchAddress = addressOf(scratch);
const scratchWords = new Int32Array(scratch.buffer, scratch.byteOffset, 16);

// Where accepted addresses land: the address first, its length behind it.
const address = pinnedBuffer(4096);
const addressStart = addressOf(address);
const addressLength = new Int32Array(address.buffer, address.byteOffset + ADDRESS_BYTES, 1);

/** struct sockaddr of the last acceptConnection(), localAddress() or peerAddress(); overwritten by the next. */
export const lastAddress: Uint8Array = address.subarray(0, ADDRESS_BYTES);

/** A new client, non-blocking and close-on-exec; its address is in lastAddress. */
export function acceptConnection(listener: number): number {
  addressLength[0] = ADDRESS_BYTES;
  const fd = accept4(listener, addressStart, addressStart + ADDRESS_BYTES, STREAM_FLAGS);
  return fd >= 0 ? fd : -errno();
}

/** Fills lastAddress with the socket's own address. */
export function localAddress(fd: number): number {
  addressLength[0] = ADDRESS_BYTES;
  return getsocknameCall(fd, addressStart, addressStart + ADDRESS_BYTES) === 0 ? 0 : -errno();
}

/** Fills lastAddress with the address of the other end. */
export function peerAddress(fd: number): number {
  addressLength[0] = ADDRESS_BYTES;
  return getpeername(fd, addressStart, addressStart + ADDRESS_BYTES) === 0 ? 0 : -errno();
}

/** A non-blocking stream socket of this family. */
export function openStream(family: number): number {
  const fd = socketCall(family, SOCK_STREAM | STREAM_FLAGS, 0);
  return fd >= 0 ? fd : -errno();
}

/**
 * Has connections of the socket come from this address, whose port the kernel chooses when it connects: not now, when
 * it knows of no peer and would take a port from all others. 0 or the negated errno. `source` is the address of a
 * struct sockaddr.
 */
export function bindSource(fd: number, source: number, sourceBytes: number): number {
  setWord(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bindCall(fd, source, sourceBytes) === 0 ? 0 : -errno();
}

/**
 * As bindSource(), from an address that need not be this machine's, which takes CAP_NET_RAW (ip(7), IP_TRANSPARENT).
 * `fixedPort`: the port is part of it, and another connection may have it, too.
 */
export function bindForeignSource(
  fd: number,
  family: number,
  source: number,
  sourceBytes: number,
  fixedPort: boolean,
): number {
  const ipv6 = family === AF_INET6;
  const level = ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const result = setWord(fd, level, ipv6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1);
  if (result !== 0) return result;
  if (fixedPort) setWord(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  return bindSource(fd, source, sourceBytes);
}

/** What keeps this thread from bindForeignSource(), by the name of its errno; null: nothing. */
export function foreignSourcesProblem(): string | null {
  const fd = openStream(AF_INET);
  if (fd < 0) return errorName(-fd);
  const result = setWord(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
  closeStream(fd);
  return result === 0 ? null : errorName(-result);
}

/** 0, or -EINPROGRESS while the handshake runs. `target` is the address of a struct sockaddr. */
export function startConnect(fd: number, target: number, targetBytes: number): number {
  return connectCall(fd, target, targetBytes) === 0 ? 0 : -errno();
}

/** The pending error of a socket (SO_ERROR), which this clears; 0: none. */
export function pendingError(fd: number): number {
  scratchWords[4] = 4;
  if (getsockoptCall(fd, SOL_SOCKET, SO_ERROR, scratchAddress, scratchAddress + 16) === -1) {
    return errno();
  }
  return scratchWords[0] ?? 0;
}

/** Bytes read into memory at `target`; 0: the peer has finished. */
export function receive(fd: number, target: number, bytes: number): number {
  const count = recvCall(fd, target, bytes, MSG_DONTWAIT);
  return count >= 0 ? count : -errno();
}

/** As receive(), but the bytes stay there to be read again. */
export function peek(fd: number, target: number, bytes: number): number {
  const count = recvCall(fd, target, bytes, MSG_DONTWAIT | MSG_PEEK);
  return count >= 0 ? count : -errno();
}

/** Bytes the kernel took of those at `source`. */
export function send(fd: number, source: number, bytes: number): number {
  const count = sendCall(fd, source, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  return count >= 0 ? count : -errno();
}

/** As send(), but the kernel may hold a partial segment back until more comes, or the end (MSG_MORE). */
export function sendMore(fd: number, source: number, bytes: number): number {
  const count = sendCall(fd, source, bytes, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
  return count >= 0 ? count : -errno();
}

/** Moves up to `bytes` from a socket into a pipe; 0: the peer has finished. */
export function spliceIn(fd: number, pipeEnd: number, bytes: number): number {
  const count = spliceCall(fd, 0, pipeEnd, 0, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  return count >= 0 ? count : -errno();
}

/** Moves up to `bytes` from a pipe into a socket; `more`: hold a partial segment back (uncork() ends it). */
export function spliceOut(pipeEnd: number, fd: number, bytes: number, more: boolean): number {
  const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
  const count = spliceCall(pipeEnd, 0, fd, 0, bytes, flags);
  return count >= 0 ? count : -errno();
}

/** Sends what SPLICE_F_MORE held back: setting TCP_NODELAY pushes pending frames (tcp(7)). */
export function uncork(fd: number): void {
  setNoDelay(fd);
}

/** Small writes go out at once; harmless on a unix socket, which refuses it. */
export function setNoDelay(fd: number): void {
  scratchWords[0] = 1;
  setsockoptCall(fd, IPPROTO_TCP, TCP_NODELAY, scratchAddress, 4);
}

/**
 * Before connect(2): the acknowledgement that ends the handshake waits for the first bytes and goes with
 * them, one packet less (tcp(7), TCP_QUICKACK). The kernel waits 200 ms at most; acknowledge() ends it.
 */
export function delayAcknowledgement(fd: number): void {
  setWord(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

/** Sends the acknowledgement that delayAcknowledgement() held back: there is nothing to go with it. */
export function acknowledge(fd: number): void {
  setWord(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

/** How TCP finds a peer that is gone without a word; 0 in a number: the kernel's own value. */
export type Liveness = {
  readonly keepalive: boolean;
  readonly idleS: number;
  readonly intervalS: number;
  readonly probes: number;
  readonly userTimeoutMs: number;
};

/**
 * Sets it on a socket, or on a listener for all it will accept (tcp(7)). A kernel that refuses a value
 * keeps its own; a unix socket has none of it.
 */
export function setLiveness(fd: number, liveness: Liveness): void {
  setWord(fd, SOL_SOCKET, SO_KEEPALIVE, liveness.keepalive ? 1 : 0);
  if (liveness.idleS > 0) setWord(fd, IPPROTO_TCP, TCP_KEEPIDLE, liveness.idleS);
  if (liveness.intervalS > 0) setWord(fd, IPPROTO_TCP, TCP_KEEPINTVL, liveness.intervalS);
  if (liveness.probes > 0) setWord(fd, IPPROTO_TCP, TCP_KEEPCNT, liveness.probes);
  setWord(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, liveness.userTimeoutMs);
}

function setWord(fd: number, level: number, option: number, value: number): number {
  scratchWords[0] = value;
  return setsockoptCall(fd, level, option, scratchAddress, 4) === 0 ? 0 : -errno();
}

const pipeEnds = new Int32Array(2);

/** Opens a non-blocking pipe of about `bytes`; the result is valid until the next call. */
export function openPipe(bytes: number): { readonly error: number; readonly ends: Int32Array } {
  if (pipe2(scratchAddress, STREAM_FLAGS) === -1) return { error: errno(), ends: pipeEnds };
  pipeEnds[0] = scratchWords[0] ?? -1;
  pipeEnds[1] = scratchWords[1] ?? -1;
  // Refused above pipe-user-pages-soft; the default size then stays.
  fcntl(pipeEnds[1] ?? -1, F_SETPIPE_SZ, bytes);
  return { error: 0, ends: pipeEnds };
}

/** Tells the peer that nothing more comes (FIN); reading goes on. */
export function finishWriting(fd: number): void {
  shutdownCall(fd, SHUT_WR);
}

/** Makes the close that follows a reset (RST) instead of a FIN. */
export function resetOnClose(fd: number): void {
  scratchWords[0] = 1;
  scratchWords[1] = 0;
  setsockoptCall(fd, SOL_SOCKET, SO_LINGER, scratchAddress, 8);
}

/** close(2) without its result: Linux releases the descriptor whatever it says. */
export function closeStream(fd: number): void {
  closeCall(fd);
}

/** Connects a datagram socket, so that send() needs no address; tries again after a signal. */
export function connectDatagram(fd: number, target: Buffer): number {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (connectCall(fd, addressOf(target), target.length) === 0) return 0;
    if (errno() !== EINTR) break;
  }
  return -errno();
}
