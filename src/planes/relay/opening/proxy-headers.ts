/** PROXY protocol headers on their way in from clients and out to servers. */

import {
  encodeProxyHeader,
  HEADER_BYTES_MAX,
  type ProxyEnds,
  parseProxyHeader,
} from '../../../core/proxy-protocol.ts';
import { EAGAIN, EPROTO } from '../../../linux/errno.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';
import { lastAddress, localAddress, peek, receive } from '../../../linux/stream-calls.ts';
import { PEER_ADDRESS_BYTES, type SocketTable } from '../sessions/socket-table.ts';
import { sendTo } from '../transfer/sending.ts';

const buffer = pinnedBuffer(4096);
const bufferAddress = addressOf(buffer);

/**
 * Takes the header from the front of a client's bytes and notes what it says. 0: done; -EAGAIN: more must
 * come; any other negated errno: there is none, or the client is gone.
 */
export function takeHeader(table: SocketTable, client: number): number {
  const count = peek(client, bufferAddress, HEADER_BYTES_MAX);
  if (count < 0) return count;
  // The end of the stream says that no header comes.
  if (count === 0) return -EPROTO;
  const header = parseProxyHeader(buffer.subarray(0, count));
  if (header.kind === 'incomplete') return count < HEADER_BYTES_MAX ? -EAGAIN : -EPROTO;
  if (header.kind === 'invalid') return -EPROTO;
  const taken = receive(client, bufferAddress, header.bytes);
  if (taken !== header.bytes) return -EPROTO;
  if (header.ends !== null) noteEnds(table, client, header.ends);
  return 0;
}

/** As struct sockaddr_in and sockaddr_in6, the form the kernel gives addresses in. */
function noteEnds(table: SocketTable, client: number, ends: ProxyEnds): void {
  const start = client * PEER_ADDRESS_BYTES;
  writeAddress(table.address, start, ends.source, ends.sourcePort);
  writeAddress(table.destination, start, ends.destination, ends.destinationPort);
}

function writeAddress(target: Uint8Array, start: number, host: Uint8Array, port: number): void {
  const ipv4 = host.length === 4;
  target.fill(0, start, start + PEER_ADDRESS_BYTES);
  target[start] = ipv4 ? AF_INET : AF_INET6;
  target[start + 2] = port >>> 8;
  target[start + 3] = port & 255;
  target.set(host, start + (ipv4 ? 4 : 8));
}

/** Sends a server the header of this session, before anything else. False: the server did not take it. */
export function sendHeader(
  table: SocketTable,
  session: number,
  server: number,
  version: 1 | 2,
): boolean {
  const header = encodeProxyHeader(version, endsOf(table, session));
  buffer.set(header);
  return sendTo(table, server, bufferAddress, header.length, false) === header.length;
}

/** null: a connection without IP addresses. */
function endsOf(table: SocketTable, session: number): ProxyEnds | null {
  const start = session * PEER_ADDRESS_BYTES;
  const source = readAddress(table.address, start);
  let destination = readAddress(table.destination, start);
  if (destination === null && localAddress(session) === 0)
    destination = readAddress(lastAddress, 0);
  if (source === null || destination === null) return null;
  if (source.host.length !== destination.host.length) return null;
  return {
    source: source.host,
    sourcePort: source.port,
    destination: destination.host,
    destinationPort: destination.port,
  };
}

/** An IPv4 address that an IPv6 socket shows in its mapped form is an IPv4 address here. */
export function readAddress(
  bytes: Uint8Array,
  start: number,
): { readonly host: Uint8Array; readonly port: number } | null {
  const family = bytes[start] ?? 0;
  const port = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
  if (family === AF_INET) return { host: bytes.slice(start + 4, start + 8), port };
  if (family !== AF_INET6) return null;
  const host = Uint8Array.from(bytes.subarray(start + 8, start + 24));
  const mapped = host.subarray(0, 10).every((byte) => byte === 0) && host[10] === 0xff;
  return { host: mapped && host[11] === 0xff ? host.slice(12) : host, port };
}
