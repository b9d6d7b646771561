/**
 * Calls that raw, packet and netlink sockets share: bind(2) with any address, sendto(2), recv(2),
 * recvmsg(2). They return the result or the negated errno and never block.
 */

import { EINTR, SystemError } from './errno.ts';
import { addressOf, bind, errno } from './libc.ts';
import { bindCall, MSG_DONTWAIT, recvCall } from './socket-calls.ts';

const sendtoCall = bind<[number, number, number, number, number, number]>('int64_t', 'sendto', [
  'int',
  'int64_t',
  'size_t',
  'int',
  'int64_t',
  'uint32_t',
]);

const recvmsgCall = bind<[number, number, number]>('int64_t', 'recvmsg', ['int', 'int64_t', 'int']);

/** Binds to an address in wire form (struct sockaddr_ll, sockaddr_nl); throws SystemError. */
export function bindRaw(fd: number, address: Buffer, about: string): void {
  if (bindCall(fd, addressOf(address), address.length) === -1) {
    throw new SystemError('bind', errno(), about);
  }
}

/** Sends `length` bytes; `to` null for a bound or connected socket. */
export function sendDatagram(fd: number, bytes: Buffer, length: number, to: Buffer | null): number {
  const address = to === null ? 0 : addressOf(to);
  const addressLength = to === null ? 0 : to.length;
  for (;;) {
    const sent = sendtoCall(fd, addressOf(bytes), length, MSG_DONTWAIT, address, addressLength);
    if (sent >= 0) return sent;
    const error = errno();
    if (error !== EINTR) return -error;
  }
}

/** Receives one datagram into `into`; what does not fit is cut off. -EAGAIN when there is none. */
export function receiveDatagram(fd: number, into: Buffer): number {
  for (;;) {
    const received = recvCall(fd, addressOf(into), into.length, MSG_DONTWAIT);
    if (received >= 0) return received;
    const error = errno();
    if (error !== EINTR) return -error;
  }
}

/** Receives one message into what the struct msghdr names; -EAGAIN when there is none. */
export function receiveMessage(fd: number, header: Buffer): number {
  for (;;) {
    const received = recvmsgCall(fd, addressOf(header), MSG_DONTWAIT);
    if (received >= 0) return received;
    const error = errno();
    if (error !== EINTR) return -error;
  }
}
