/** Which address a server sees of a connection: what the socket is bound to before it connects. */

import { EADDRNOTAVAIL } from '../../../linux/errno.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';
import { bindForeignSource, bindSource } from '../../../linux/stream-calls.ts';
import type { Server } from '../routes/routes.ts';
import { PEER_ADDRESS_BYTES, type SocketTable } from '../sessions/socket-table.ts';
import { readAddress } from './proxy-headers.ts';

const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

const client = pinnedBuffer(4096);
const clientAddress = addressOf(client);

/**
 * 0 or the negated errno, which says nothing about the server. A server of one family cannot see a client's address of
 * the other one: -EADDRNOTAVAIL.
 */
export function bindOutgoing(
  table: SocketTable,
  session: number,
  fd: number,
  { source, foreign, family }: Server,
): number {
  if (foreign !== null) {
    const { address, fixedPort } = foreign;
    if (address !== null) {
      return bindForeignSource(fd, family, address.address, address.addressBytes, fixedPort);
    }
    const bytes = encodeClient(table, session, family, fixedPort);
    if (bytes < 0) return bytes;
    if (bytes > 0) return bindForeignSource(fd, family, clientAddress, bytes, fixedPort);
  }
  return source === null ? 0 : bindSource(fd, source.address, source.addressBytes);
}

/** Bytes of its struct sockaddr; 0: the client came by a unix socket, and has none. */
function encodeClient(
  table: SocketTable,
  session: number,
  family: number,
  withPort: boolean,
): number {
  const known = readAddress(table.address, session * PEER_ADDRESS_BYTES);
  if (known === null) return 0;
  const ipv4 = known.host.length === 4;
  if (ipv4 !== (family === AF_INET)) return -EADDRNOTAVAIL;
  const bytes = ipv4 ? IPV4_BYTES : IPV6_BYTES;
  client.fill(0, 0, bytes);
  client.writeUInt16LE(ipv4 ? AF_INET : AF_INET6, 0);
  if (withPort) client.writeUInt16BE(known.port, 2);
  client.set(known.host, ipv4 ? 4 : 8);
  return bytes;
}
