/**
 * Addresses of either family as one value that compares in network order: an unsigned 32-bit number for
 * IPv4, a bigint of 128 bits for IPv6.
 */

import { assert } from './assert.ts';
import { readUint32, writeUint32 } from './bytes.ts';
import { formatIpv4, parseIpv4 } from './ip.ts';
import { formatIpv6, IPV6_BYTES, parseIpv6 } from './ipv6.ts';
import { fail, ok, type Result } from './result.ts';

export type IpAddress = number | bigint;

export const IPV4_BYTES = 4;

export function isIpv6Address(address: IpAddress): address is bigint {
  return typeof address === 'bigint';
}

/** Either family, without a zone. */
export function parseIpAddress(text: string): Result<IpAddress> {
  if (!text.includes(':')) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes.ok ? ok(readIpAddress(bytes.value, 0, IPV6_BYTES)) : bytes;
}

/** An address that the configuration's checks have passed. */
export function numericAddress(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  assert(parsed.ok, `the configuration's addresses are checked before: ${text}`);
  return parsed.value;
}

/** "10.0.0.1/24", "2001:db8::1/64"; without a slash the whole address. */
export function parseIpPrefix(
  text: string,
): Result<{ readonly address: IpAddress; readonly prefixLength: number }> {
  const [addressText = '', lengthText, rest] = text.split('/');
  const address = parseIpAddress(addressText);
  if (!address.ok) return address;
  const bits = ipBytes(address.value) * 8;
  if (lengthText === undefined) return ok({ address: address.value, prefixLength: bits });
  if (rest !== undefined || !/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits) {
    return fail(`"${text}" has no prefix length between 0 and ${bits}`);
  }
  return ok({ address: address.value, prefixLength: Number(lengthText) });
}

export function formatIpAddress(address: IpAddress): string {
  if (!isIpv6Address(address)) return formatIpv4(address);
  const bytes = new Uint8Array(IPV6_BYTES);
  writeIpAddress(bytes, 0, address);
  return formatIpv6(bytes);
}

/** Whether both have the network's bits in common; never across families. */
export function isInNetwork(
  address: IpAddress,
  network: { readonly address: IpAddress; readonly prefixLength: number },
): boolean {
  if (isIpv6Address(address) !== isIpv6Address(network.address)) return false;
  const hostBits = BigInt(ipBytes(address) * 8 - network.prefixLength);
  return BigInt(address) >> hostBits === BigInt(network.address) >> hostBits;
}

/** How many bytes it takes: 4 or 16. */
export function ipBytes(address: IpAddress): typeof IPV4_BYTES | typeof IPV6_BYTES {
  return isIpv6Address(address) ? IPV6_BYTES : IPV4_BYTES;
}

/** Callers check bounds. */
export function writeIpAddress(into: Uint8Array, offset: number, address: IpAddress): void {
  if (!isIpv6Address(address)) {
    writeUint32(into, offset, address);
    return;
  }
  for (let word = 0; word < 4; word += 1) {
    const value = Number((address >> BigInt(96 - 32 * word)) & 0xffffffffn);
    writeUint32(into, offset + 4 * word, value);
  }
}

/** `bytes`: 4 or 16. Callers check bounds. */
export function readIpAddress(from: Uint8Array, offset: number, bytes: number): IpAddress {
  if (bytes === IPV4_BYTES) return readUint32(from, offset);
  let address = 0n;
  for (let word = 0; word < 4; word += 1) {
    address = (address << 32n) | BigInt(readUint32(from, offset + 4 * word));
  }
  return address;
}

/** "192.168.1.94:6443", "[fd00::94]:6443" */
export function addressWithPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** "192.168.1.94/24" without its prefix length; what has none as it is. */
export function bareAddress(text: string): string {
  return text.split('/', 1)[0] ?? '';
}
