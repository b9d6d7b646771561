/** The addresses of this machine, of the network namespace we run in (rtnetlink(7)). */

import type { LocalAddress } from '../config/evergate-yaml/draft.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import { RouteSocket } from '../linux/netlink-route.ts';

/** In the kernel's order; interfaces that are down included. Throws SystemError. */
export function localAddresses(): readonly LocalAddress[] {
  const route = new RouteSocket();
  try {
    const names = new Map(route.links().map(({ index, name }) => [index, name]));
    return route.addresses().map(({ interfaceIndex, address, prefixLength }) => {
      const name = names.get(interfaceIndex) ?? `number ${interfaceIndex}`;
      return { interface: name, address: formatIpAddress(address), prefixLength };
    });
  } finally {
    route.close();
  }
}
