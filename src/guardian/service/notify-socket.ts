/** The way to the service manager (sd_notify(3)): one datagram for each thing to say, never waited for. */

import { sendWithDescriptors } from '../../linux/descriptor-channel.ts';
import { SystemError } from '../../linux/errno.ts';
import { closeFd } from '../../linux/files.ts';
import { AF_UNIX, encodeSocketAddress, openSocket, SOCK_DGRAM } from '../../linux/sockets.ts';
import { connectDatagram } from '../../linux/stream-calls.ts';

export class NotifySocket {
  readonly #address: Buffer;

  /** `path`: as NOTIFY_SOCKET has it; "@name" there is "\\0name" to the kernel. */
  constructor(path: string) {
    this.#address = encodeSocketAddress({ kind: 'unix', path: path.replace(/^@/, '\0') });
  }

  /** With copies of `descriptors`, 253 at most. 0, or why not (errno). A socket for each: the other end may be another one by now. */
  send(text: string, descriptors: readonly number[] = []): number {
    let fd = -1;
    try {
      fd = openSocket(AF_UNIX, SOCK_DGRAM);
      const connected = connectDatagram(fd, this.#address);
      if (connected !== 0) return -connected;
      sendWithDescriptors(fd, Buffer.from(text), descriptors);
      return 0;
    } catch (error) {
      if (error instanceof SystemError) return error.errno;
      throw error;
    } finally {
      if (fd !== -1) closeFd(fd);
    }
  }
}
