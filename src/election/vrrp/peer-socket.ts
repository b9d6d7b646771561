/** Whether other nodes of the network are there: asks them by ARP or Neighbor Discovery, which the kernel answers. */

import { type IpAddress, isIpv6Address } from '../../core/ip-address.ts';
import { ArpSocket } from '../../linux/arp.ts';
import { NeighbourSocket } from '../../linux/neighbour.ts';
import type { Link } from '../../linux/netlink-route.ts';
import { WATCHED_MAX } from '../../linux/packet-filter.ts';
import type { ResolvedInstance } from './resolve.ts';

/** Taken at one go. */
const ANSWERS_MAX = 64;
/** It is asked for in every round: nothing is made for it. */
const NOBODY: readonly IpAddress[] = [];

export class PeerSocket {
  readonly #ask: () => void;
  readonly #socket: ArpSocket | NeighbourSocket | null;

  /** Throws SystemError. The owner closes it. */
  constructor({ neighbours, sourceAddress: source }: ResolvedInstance, link: Link) {
    const macs = { announced: link.mac, own: link.mac };
    // More are not asked: one that answers is enough.
    const peers = neighbours.slice(0, WATCHED_MAX);
    this.#ask = () => {};
    this.#socket = null;
    if (peers.length === 0) return;
    if (isIpv6Address(source)) {
      const watched = peers.filter(isIpv6Address);
      const socket = new NeighbourSocket(link.index, macs, watched);
      this.#socket = socket;
      this.#ask = () => {
        for (const peer of watched) socket.ask(peer, source);
      };
    } else {
      const watched = peers.filter((peer) => !isIpv6Address(peer));
      const socket = new ArpSocket(link.index, macs, watched);
      this.#socket = socket;
      this.#ask = () => {
        for (const peer of watched) socket.ask(peer, source);
      };
    }
  }

  /** Descriptors to wait for; receive() reads them. */
  get descriptors(): readonly number[] {
    return this.#socket === null ? [] : [this.#socket.fd];
  }

  /** Each of them. What cannot be sent is asked again. */
  ask(): void {
    this.#ask();
  }

  /** Those that are there, as they have said since the last call. */
  receive(): readonly IpAddress[] {
    let claim = this.#socket?.receive() ?? null;
    if (claim === null) return NOBODY;
    const peers: IpAddress[] = [];
    for (let count = 0; claim !== null && count < ANSWERS_MAX; count += 1) {
      peers.push(claim.address);
      claim = this.#socket?.receive() ?? null;
    }
    return peers;
  }

  close(): void {
    this.#socket?.close();
  }
}
