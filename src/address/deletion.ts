/** Takes an address from an interface, and no other one with it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { isInNetwork, isIpv6Address } from '../core/ip-address.ts';
import type { AddressSpec, RouteSocket } from '../linux/netlink-route.ts';

/**
 * False when it was not there. IPv4: others of its network that came later go with it unless the kernel promotes
 * one of them (ip-sysctl, promote_secondaries), so that is switched on for as long as it takes. Throws SystemError.
 */
export function deleteAddressAlone(route: RouteSocket, spec: AddressSpec, device: string): boolean {
  if (!takesOthersAlong(route, spec)) return route.deleteAddress(spec);
  const restore = switchOn(`/proc/sys/net/ipv4/conf/${device}/promote_secondaries`);
  try {
    return route.deleteAddress(spec);
  } finally {
    restore();
  }
}

function takesOthersAlong(route: RouteSocket, spec: AddressSpec): boolean {
  if (isIpv6Address(spec.address) || spec.prefixLength === 32) return false;
  return route
    .addresses()
    .some(
      (other) =>
        other.interfaceIndex === spec.interfaceIndex &&
        other.secondary &&
        other.prefixLength === spec.prefixLength &&
        other.address !== spec.address &&
        isInNetwork(other.address, spec),
    );
}

/** Returns the way back. Where it cannot be written, the address goes as it would by hand. */
function switchOn(path: string): () => void {
  try {
    const before = readFileSync(path, 'utf8').trim();
    if (before !== '0') return () => {};
    writeFileSync(path, '1');
    return () => writeFileSync(path, before);
  } catch {
    return () => {};
  }
}
