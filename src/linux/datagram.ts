/** Unix datagram sockets, as syslog daemons offer them (/dev/log): unix(7), sendto(2). */

import { EAGAIN, ENOBUFS, errorText } from './errno.ts';
import { closeFd } from './files.ts';
import { addressOf, bind, errno } from './libc.ts';
import { AF_UNIX, encodeSocketAddress, openSocket, SOCK_DGRAM } from './sockets.ts';

const sendtoCall = bind<[number, number, number, number, number, number]>('int64_t', 'sendto', [
  'int',
  'int64_t',
  'size_t',
  'int',
  'int64_t',
  'uint32_t',
]);

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

export type UnixSendOutcome =
  | { readonly kind: 'sent' }
  /** The receiver's queue is full: the message is lost, as syslog has it. */
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Sends to a unix datagram socket by path, so that a syslog daemon may restart in between. Never waits. The
 * sender owns one descriptor until close().
 */
export class UnixDatagramSender {
  readonly #fd: number;
  readonly #address: Buffer;

  /** Throws TypeError on a path over 107 bytes, SystemError when no socket can be had. */
  constructor(path: string) {
    this.#address = encodeSocketAddress({ kind: 'unix', path });
    this.#fd = openSocket(AF_UNIX, SOCK_DGRAM);
  }

  send(message: Buffer): UnixSendOutcome {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const to = this.#address;
    const sent = sendtoCall(
      this.#fd,
      addressOf(message),
      message.length,
      flags,
      addressOf(to),
      to.length,
    );
    if (sent >= 0) return { kind: 'sent' };
    const error = errno();
    if (error === EAGAIN || error === ENOBUFS) return { kind: 'full' };
    return { kind: 'failed', reason: errorText(error) };
  }

  close(): void {
    closeFd(this.#fd);
  }
}
