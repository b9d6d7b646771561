/** With which prefix length a virtual address goes into the kernel (docs/adr/0018). Pure. */

import { type IpAddress, ipBytes, isInNetwork, isIpv6Address } from '../../core/ip-address.ts';

type Prefix = { readonly address: IpAddress; readonly prefixLength: number };

/**
 * The whole address where an address of the node's own leads to its network: so it is never the one that others
 * of that network come and go with, nor the source of the node's own connections. Otherwise as configured, because
 * it is what leads there. `own`: of the same interface.
 */
export function kernelPrefixLength(virtual: Prefix, own: readonly Prefix[]): number {
  return isCovered(virtual, own) ? ipBytes(virtual.address) * 8 : virtual.prefixLength;
}

function isCovered({ address, prefixLength }: Prefix, own: readonly Prefix[]): boolean {
  return own.some(
    (other) =>
      isIpv6Address(other.address) === isIpv6Address(address) &&
      other.prefixLength <= prefixLength &&
      isInNetwork(address, other),
  );
}
