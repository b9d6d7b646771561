/** Whether somebody on the network has an address already, asked by ARP or Neighbor Discovery as a start asks. */

import { setTimeout as sleep } from 'node:timers/promises';
import { numericAddress } from '../core/ip-address.ts';
import { ArpSocket } from '../linux/arp.ts';
import { SystemError } from '../linux/errno.ts';
import { NeighbourSocket } from '../linux/neighbour.ts';
import { RouteSocket } from '../linux/netlink-route.ts';

const PROBES = 3;
/** Between one question and the next; how long an answer may take. */
const GAP_MS = 250;

export type Answer =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'somebody'; readonly mac: string }
  /** Nobody could be asked. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Takes 750 ms at most. An interface without Ethernet and an account without CAP_NET_RAW are `unknown`. */
export async function whoAnswers(address: string, interfaceName: string): Promise<Answer> {
  const link = linkOf(interfaceName);
  if (link === null || link.mac.length !== 6) {
    return { kind: 'unknown', why: `"${interfaceName}" is no Ethernet interface` };
  }
  const macs = { own: link.mac, announced: link.mac };
  const number = numericAddress(address);
  let socket: ArpSocket | NeighbourSocket;
  try {
    socket =
      typeof number === 'bigint'
        ? new NeighbourSocket(link.index, macs, [number])
        : new ArpSocket(link.index, macs, [number]);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { kind: 'unknown', why: 'that needs root, or CAP_NET_RAW' };
  }
  try {
    for (let probe = 0; probe < PROBES; probe++) {
      socket.probe(number as number);
      await sleep(GAP_MS);
      const claim = socket.receive();
      if (claim !== null) return { kind: 'somebody', mac: claim.mac };
    }
    return { kind: 'nobody' };
  } finally {
    socket.close();
  }
}

function linkOf(name: string) {
  const route = new RouteSocket();
  try {
    return route.links().find((link) => link.name === name) ?? null;
  } finally {
    route.close();
  }
}
