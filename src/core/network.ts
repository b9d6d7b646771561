/** Networks of either family, to match addresses against: an IPv4 address counts as its mapped IPv6 one. */

import { parseIpv4 } from './ip.ts';
import { IPV6_BYTES, parseIpv6 } from './ipv6.ts';
import { fail, ok, type Result } from './result.ts';

export type Network = {
  /** 16 bytes, those behind the prefix zero. */
  readonly address: Uint8Array;
  /** Bits that count, 0..128. */
  readonly bits: number;
};

/** Bits in front of an IPv4 address in its mapped form (RFC 4291 section 2.5.5.2). */
const MAPPED_BITS = 96;

/** "10.0.0.0/8", "fd00::/8", or one address. Bits behind the prefix do not count. */
export function parseNetwork(text: string): Result<Network> {
  const [host = '', length, rest] = text.split('/');
  const wrong = fail(`"${text}" is not a network; write it as 192.168.1.0/24 or fd00::/8`);
  if (rest !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return wrong;
  const ipv4 = parseIpv4(host);
  const ipv6 = parseIpv6(host);
  const address = ipv4.ok ? mapIpv4(ipv4.value) : ipv6.ok ? ipv6.value : null;
  if (address === null) return wrong;
  const longest = ipv4.ok ? 32 : 128;
  const own = length === undefined ? longest : Number(length);
  if (own > longest) return wrong;
  const bits = own + (ipv4.ok ? MAPPED_BITS : 0);
  return ok({ address: address.map((byte, at) => byte & maskAt(at, bits)), bits });
}

function mapIpv4(value: number): Uint8Array {
  const address = new Uint8Array(IPV6_BYTES);
  address.set(
    [0xff, 0xff, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255],
    10,
  );
  return address;
}

/** Bits of the byte at `at` that lie within the first `bits`. */
function maskAt(at: number, bits: number): number {
  const covered = Math.max(0, Math.min(8, bits - at * 8));
  return (0xff << (8 - covered)) & 0xff;
}

/** `address`: 16 bytes. */
export function networkHolds(network: Network, address: Uint8Array): boolean {
  for (let at = 0; at * 8 < network.bits; at++) {
    const mask = maskAt(at, network.bits);
    if (((address[at] ?? 0) & mask) !== network.address[at]) return false;
  }
  return true;
}
