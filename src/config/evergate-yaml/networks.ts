/** Which addresses of evergate.yaml and of the machine lie in one network, for both families. */

import { formatIpAddress, type IpAddress, ipBytes, parseIpAddress } from '../../core/ip-address.ts';

export const FAMILIES = ['ipv4', 'ipv6'] as const;
export type Family = (typeof FAMILIES)[number];

export const FAMILY_NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/** Bits of a whole address: a prefix of that length is no network. */
export const FAMILY_BITS = { ipv4: 32, ipv6: 128 } as const;

/** Of an address that has passed the schema, or is the machine's. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** The address with the bits behind the prefix cleared; null: it is none. */
function clear(text: string, prefixLength: number): IpAddress | null {
  const parsed = parseIpAddress(text);
  if (!parsed.ok) return null;
  const behind = BigInt(ipBytes(parsed.value) * 8 - prefixLength);
  const cleared = (BigInt(parsed.value) >> behind) << behind;
  return typeof parsed.value === 'number' ? Number(cleared) : cleared;
}

/** Whether `address` lies in the network that `other` and the prefix length make. */
export function isWithin(address: string, other: string, prefixLength: number): boolean {
  if (familyOf(address) !== familyOf(other)) return false;
  return clear(address, prefixLength) === clear(other, prefixLength);
}

/** "192.168.1.0/24" */
export function networkText(address: string, prefixLength: number): string {
  const network = clear(address, prefixLength);
  return `${network === null ? address : formatIpAddress(network)}/${prefixLength}`;
}
