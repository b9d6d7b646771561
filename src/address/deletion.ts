/** Takes an address from an interface, and no other one with it. */

import { isInNetwork, isIpv6Address } from '../core/ip-address.ts';
import type { AddressSpec, RouteSocket } from '../linux/netlink-route.ts';
import { RaisedSettings } from './raised-settings.ts';

const PROMOTION = new RaisedSettings({ promote_secondaries: '1' });

/**
 * False when it was not there. IPv4: others of its network that came later go with it unless the kernel promotes
 * one of them (ip-sysctl, promote_secondaries), so that is switched on for as long as it takes. Throws SystemError.
 */
export function deleteAddressAlone(route: RouteSocket, spec: AddressSpec, device: string): boolean {
  if (!takesOthersAlong(route, spec)) return route.deleteAddress(spec);
  try {
    PROMOTION.raise(device);
  } catch {
    // The address goes as it would by hand.
  }
  try {
    return route.deleteAddress(spec);
  } finally {
    PROMOTION.lower(device);
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
