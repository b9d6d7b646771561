/**
 * A channel over which one process gives another open descriptors: a socketpair(2) of packets that carry
 * SCM_RIGHTS (unix(7)). Never waits.
 */

import { receiveMessage } from './datagram-calls.ts';
import { EAGAIN, EINTR, ENFILE, SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { addressOf, bind, errno } from './libc.ts';
import { MSG_DONTWAIT, MSG_NOSIGNAL } from './socket-calls.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET } from './sockets.ts';

const socketpair = bind<[number, number, number, number]>('int', 'socketpair', [
  'int',
  'int',
  'int',
  'int64_t',
]);
const sendmsg = bind<[number, number, number]>('int64_t', 'sendmsg', ['int', 'int64_t', 'int']);
const fcntl = bind<[number, number, number]>('int', 'fcntl', ['int', 'int', 'int']);

const SOCK_SEQPACKET = 5;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 8;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;

/** Descriptors of one packet; the kernel takes 253 at most (SCM_MAX_FD). */
const PACKET_DESCRIPTORS = 64;

/** struct msghdr, struct iovec and struct cmsghdr on 64-bit machines. */
const MESSAGE_HEADER_BYTES = 56;
const CONTROL_LENGTH_AT = 40;
const FLAGS_AT = 48;
const CONTROL_HEADER_BYTES = 16;

export type DescriptorChannel = { readonly near: number; readonly far: number };

/** Both ends are close-on-exec and non-blocking; the caller owns them. Throws SystemError. */
export function openDescriptorChannel(): DescriptorChannel {
  const ends = Buffer.alloc(8);
  const type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (socketpair(AF_UNIX, type, 0, addressOf(ends)) === -1) {
    throw new SystemError('socketpair', errno());
  }
  return { near: ends.readInt32LE(0), far: ends.readInt32LE(4) };
}

/** Gives copies of descriptors to whoever holds the other end; throws SystemError when the kernel refuses. */
export function sendDescriptors(channel: number, descriptors: readonly number[]): void {
  for (let start = 0; start < descriptors.length; start += PACKET_DESCRIPTORS) {
    // A packet needs a byte of its own: one without looks like the end.
    sendWithDescriptors(
      channel,
      Buffer.alloc(1),
      descriptors.slice(start, start + PACKET_DESCRIPTORS),
    );
  }
}

/**
 * Takes `count` descriptors that were sent before, in their order, close-on-exec; the caller owns them. Throws
 * SystemError, with those closed that came: EAGAIN where fewer were sent, ENFILE where this process may not
 * open so many.
 */
export function receiveDescriptors(channel: number, count: number): readonly number[] {
  const received: number[] = [];
  try {
    while (received.length < count) received.push(...receivePacket(channel));
    return received;
  } catch (error) {
    for (const fd of received) closeFd(fd);
    throw error;
  }
}

/** A second descriptor of the same open socket; the caller owns it. Throws SystemError. */
export function duplicate(fd: number): number {
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy === -1) throw new SystemError('fcntl', errno(), `descriptor ${fd}`);
  return copy;
}

/** One packet or datagram, with copies of at most 253 descriptors (SCM_MAX_FD). Throws SystemError. */
export function sendWithDescriptors(
  socket: number,
  payload: Buffer,
  descriptors: readonly number[],
): void {
  const control = Buffer.alloc(CONTROL_HEADER_BYTES + descriptors.length * 4);
  control.writeBigUInt64LE(BigInt(control.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [index, fd] of descriptors.entries()) {
    control.writeInt32LE(fd, CONTROL_HEADER_BYTES + index * 4);
  }
  const { header, keep } = messageHeader(payload, control);
  for (;;) {
    if (sendmsg(socket, addressOf(header), MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) break;
    const error = errno();
    if (error !== EINTR) throw new SystemError('sendmsg', error, 'passing descriptors');
  }
  keep();
}

function receivePacket(channel: number): readonly number[] {
  const control = Buffer.alloc(CONTROL_HEADER_BYTES + PACKET_DESCRIPTORS * 4);
  const { header, keep } = messageHeader(Buffer.alloc(1), control);
  const result = receiveMessage(channel, header);
  keep();
  if (result < 0) throw new SystemError('recvmsg', -result, 'receiving descriptors');
  const bytes = Number(header.readBigUInt64LE(CONTROL_LENGTH_AT));
  if (result === 0 || bytes < CONTROL_HEADER_BYTES) {
    throw new SystemError('recvmsg', EAGAIN, 'receiving descriptors');
  }
  const descriptors: number[] = [];
  const end = Math.min(Number(control.readBigUInt64LE(0)), bytes);
  for (let at = CONTROL_HEADER_BYTES; at + 4 <= end; at += 4) {
    const fd = control.readInt32LE(at);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    descriptors.push(fd);
  }
  if ((header.readInt32LE(FLAGS_AT) & MSG_CTRUNC) !== 0) {
    for (const fd of descriptors) closeFd(fd);
    throw new SystemError('recvmsg', ENFILE, 'receiving descriptors');
  }
  return descriptors;
}

/** `keep` must be called behind the call that reads it: until then all of its memory is referenced. */
function messageHeader(
  payload: Buffer,
  control: Buffer,
): { readonly header: Buffer; keep(): void } {
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(addressOf(payload)), 0);
  vector.writeBigUInt64LE(BigInt(payload.length), 8);
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  header.writeBigUInt64LE(BigInt(addressOf(vector)), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(addressOf(control)), 32);
  header.writeBigUInt64LE(BigInt(control.length), CONTROL_LENGTH_AT);
  const used = [payload, control, vector];
  return { header, keep: () => used.length };
}
