/**
 * Whether the address of each family that is used of a name, its first, is none of the name's any more, or there is
 * one where there was none. An answer in another order is no change, and neither is one with more addresses.
 */
export function leadsElsewhere(used: readonly string[], found: readonly string[]): boolean {
  return [isIpv4, isIpv6].some((isOfFamily) => {
    const before = used.find(isOfFamily);
    return before === undefined ? found.some(isOfFamily) : !found.includes(before);
  });
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}

function isIpv4(address: string): boolean {
  return !isIpv6(address);
}
