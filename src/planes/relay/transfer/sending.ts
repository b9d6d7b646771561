/**
 * Sending to the sockets of a session, in as few system calls and packets as TCP allows.
 *
 * A small write must not wait for the acknowledgement of an earlier one (Nagle's algorithm, RFC 896), but
 * the first one never does: on a server's socket the algorithm is switched off before the second, and a
 * connection that asks one thing saves the call. A client's socket has it off from its listener.
 */

import { send, sendMore, setNoDelay } from '../../../linux/stream-calls.ts';
import { FRESH, NAGLING, type SocketTable } from '../sessions/socket-table.ts';

/**
 * send(2): bytes the kernel took, or a negated errno. `last`: the end of the stream follows at once, so
 * that the bytes may wait to share a segment with it.
 */
export function sendTo(
  table: SocketTable,
  fd: number,
  start: number,
  bytes: number,
  last: boolean,
): number {
  beforeSending(table, fd);
  return last ? sendMore(fd, start, bytes) : send(fd, start, bytes);
}

/** To be called before anything is written to a socket. */
export function beforeSending(table: SocketTable, fd: number): void {
  const flags = table.flags[fd] ?? 0;
  if ((flags & (FRESH | NAGLING)) === 0) return;
  if ((flags & FRESH) !== 0) table.flags[fd] = (flags & ~FRESH) | NAGLING;
  else {
    setNoDelay(fd);
    table.flags[fd] = flags & ~NAGLING;
  }
}
