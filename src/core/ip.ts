/** IPv4 addresses and prefixes as text and as unsigned 32-bit numbers (network byte order value). */

import { fail, ok, type Result } from './result.ts';

/** Dotted decimal without leading zeros, as inet_pton(3) takes it. */
export function parseIpv4(text: string): Result<number> {
  const parts = text.split('.');
  if (parts.length !== 4) return fail(`"${text}" is not an IPv4 address`);
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return fail(`"${text}" is not an IPv4 address`);
    const octet = Number(part);
    if (octet > 255) return fail(`"${text}" is not an IPv4 address`);
    value = value * 256 + octet;
  }
  return ok(value >>> 0);
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export type Ipv4Prefix = { readonly address: number; readonly prefixLength: number };

/** "192.168.1.94/24"; without a slash the prefix length is `defaultLength` (0..32). */
export function parseIpv4Prefix(text: string, defaultLength: number): Result<Ipv4Prefix> {
  const [addressText = '', lengthText, rest] = text.split('/');
  const address = parseIpv4(addressText);
  if (!address.ok) return address;
  if (lengthText === undefined) return ok({ address: address.value, prefixLength: defaultLength });
  if (rest !== undefined || !/^\d{1,2}$/.test(lengthText) || Number(lengthText) > 32) {
    return fail(`"${text}" has no prefix length between 0 and 32`);
  }
  return ok({ address: address.value, prefixLength: Number(lengthText) });
}
