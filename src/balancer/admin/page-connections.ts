/**
 * Who may stay when a page has all the connections it may have: a newcomer gets in, and the source that has the most
 * loses the one that has gone without a whole request for longest. So who opens many and says nothing, or reads
 * nothing, takes the room from itself; whoever asks and reads is answered, from the same address, too.
 */

import type { Socket } from 'node:net';
import { assert } from '../../core/assert.ts';
import { parseIpv6 } from '../../core/ipv6.ts';
import type { HttpProxyCounts } from './http-counts.ts';

/** What one host of IPv6 has for itself (RFC 6177): it may use any address of it. */
const IPV6_HOST_BYTES = 8;

export class PageConnections {
  readonly #connectionsMax: number;
  readonly #counts: HttpProxyCounts;
  /** By source; each source's in the order of their last request, or of their beginning. */
  readonly #bySource = new Map<string, Set<Socket>>();
  readonly #sourceOf = new Map<Socket, string>();

  /** `connectionsMax`: at least one. */
  constructor(connectionsMax: number, counts: HttpProxyCounts) {
    assert(connectionsMax > 0, 'a page takes a connection');
    this.#connectionsMax = connectionsMax;
    this.#counts = counts;
  }

  /** Takes it in until it closes; the connection that has to go for it, or null. */
  admit(socket: Socket): Socket | null {
    const source = sourceOf(socket.remoteAddress);
    const ofSource = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, ofSource.add(socket));
    this.#sourceOf.set(socket, source);
    socket.once('close', () => this.#forget(socket));
    const counts = this.#counts;
    counts.connectionsTotal++;
    counts.connectionsCurrent++;
    const goes = this.#sourceOf.size > this.#connectionsMax ? this.#longestWaiting() : null;
    if (goes !== null) {
      this.#forget(goes);
      counts.connectionsDropped++;
    }
    counts.connectionsMax = Math.max(counts.connectionsMax, counts.connectionsCurrent);
    return goes;
  }

  /** A whole request has come over it. */
  noteRequest(socket: Socket): void {
    const source = this.#sourceOf.get(socket);
    const ofSource = source === undefined ? undefined : this.#bySource.get(source);
    if (ofSource?.delete(socket) === true) ofSource.add(socket);
  }

  #longestWaiting(): Socket {
    let most: ReadonlySet<Socket> = new Set();
    for (const sockets of this.#bySource.values()) if (sockets.size > most.size) most = sockets;
    const [longest] = most;
    assert(longest !== undefined, 'a page that is full has connections');
    return longest;
  }

  #forget(socket: Socket): void {
    const source = this.#sourceOf.get(socket);
    if (source === undefined) return;
    this.#sourceOf.delete(socket);
    this.#counts.connectionsCurrent--;
    const ofSource = this.#bySource.get(source);
    ofSource?.delete(socket);
    if (ofSource?.size === 0) this.#bySource.delete(source);
  }
}

/** IPv4 by address, in its mapped form, too; IPv6 by the network of one host. Unix sockets have none. */
function sourceOf(address: string | undefined): string {
  if (address === undefined) return '';
  const bytes = parseIpv6(address.replace(/%.*$/, ''));
  if (!bytes.ok || address.startsWith('::ffff:')) return address.replace(/^::ffff:/, '');
  return bytes.value.subarray(0, IPV6_HOST_BYTES).join('.');
}
