/**
 * The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): the line or block in front of
 * a connection that says where it really comes from. Strict: whatever the text does not allow is refused,
 * so that no client passes its own bytes off as a header.
 */

import { formatIpv4, parseIpv4 } from './ip.ts';
import { formatIpv6, IPV6_BYTES, parseIpv6 } from './ipv6.ts';

/** Both ends of a connection; addresses of 4 or 16 bytes, both alike. */
export type ProxyEnds = {
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
};

export type ProxyHeader =
  /** So far nothing is wrong, but more must come. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly reason: string }
  | {
      readonly kind: 'header';
      /** Length of the header. */
      readonly bytes: number;
      /** null: the sender speaks for itself (LOCAL), or its connection has no IP addresses. */
      readonly ends: ProxyEnds | null;
    };

/** Section 2.1: the longest line, with its CRLF. */
const V1_BYTES_MAX = 107;
/** Section 2.2: 16 bytes, addresses, then TLVs; longer ones than this nobody sends. */
export const HEADER_BYTES_MAX = 2048;

const V1_SIGNATURE = 'PROXY ';
const V2_SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const V2_FIXED_BYTES = 16;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

function invalid(reason: string): ProxyHeader {
  return { kind: 'invalid', reason };
}

/** Reads the header at the beginning of `bytes`, of either version. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  const [first] = bytes;
  if (first === undefined) return INCOMPLETE;
  if (first === V2_SIGNATURE[0]) return parseV2(bytes);
  return parseV1(bytes);
}

function parseV1(bytes: Uint8Array): ProxyHeader {
  for (let at = 0; at < Math.min(bytes.length, V1_SIGNATURE.length); at++) {
    if (bytes[at] !== V1_SIGNATURE.charCodeAt(at)) return invalid('No PROXY protocol header');
  }
  const end = bytes.indexOf(13);
  if (end === -1 || end > V1_BYTES_MAX - 2) {
    if (bytes.length >= V1_BYTES_MAX || end !== -1) return invalid('PROXY line is too long');
    return INCOMPLETE;
  }
  if (bytes.length === end + 1) return INCOMPLETE;
  if (bytes[end + 1] !== 10) return invalid('PROXY line does not end in CRLF');
  const line = String.fromCharCode(...bytes.subarray(0, end));
  const header = (ends: ProxyEnds | null): ProxyHeader => ({
    kind: 'header',
    bytes: end + 2,
    ends,
  });
  const [, family, source = '', destination = '', sourcePort, destinationPort, ...rest] =
    line.split(' ');
  // What follows UNKNOWN must be ignored (section 2.1).
  if (family === 'UNKNOWN') return header(null);
  if (family !== 'TCP4' && family !== 'TCP6') return invalid('PROXY line names no known family');
  const parse = family === 'TCP4' ? ipv4Bytes : ipv6BytesOf;
  const from = parse(source);
  const to = parse(destination);
  const fromPort = parsePort(sourcePort);
  const toPort = parsePort(destinationPort);
  if (from === null || to === null || fromPort === null || toPort === null || rest.length > 0) {
    return invalid('PROXY line has a wrong address or port');
  }
  return header({ source: from, sourcePort: fromPort, destination: to, destinationPort: toPort });
}

function ipv4Bytes(text: string): Uint8Array | null {
  const parsed = parseIpv4(text);
  if (!parsed.ok) return null;
  const { value } = parsed;
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function ipv6BytesOf(text: string): Uint8Array | null {
  const parsed = parseIpv6(text);
  return parsed.ok ? parsed.value : null;
}

/** Without leading zeroes, as section 2.1 has it. */
function parsePort(text: string | undefined): number | null {
  if (text === undefined || !/^(0|[1-9]\d{0,4})$/.test(text)) return null;
  return Number(text) <= 65_535 ? Number(text) : null;
}

function parseV2(bytes: Uint8Array): ProxyHeader {
  for (let at = 0; at < Math.min(bytes.length, V2_SIGNATURE.length); at++) {
    if (bytes[at] !== V2_SIGNATURE[at]) return invalid('No PROXY protocol header');
  }
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const byte = (at: number): number => bytes[at] ?? 0;
  const command = byte(12);
  if (command !== V2_LOCAL && command !== V2_PROXY) {
    return invalid('PROXY header has an unknown version or command');
  }
  const length = V2_FIXED_BYTES + ((byte(14) << 8) | byte(15));
  if (length > HEADER_BYTES_MAX) return invalid('PROXY header is too long');
  if (bytes.length < length) return INCOMPLETE;
  const header = (ends: ProxyEnds | null): ProxyHeader => ({ kind: 'header', bytes: length, ends });
  if (command === V2_LOCAL) return header(null);
  const family = byte(13);
  // Other families and transports are to be taken for unspecified (section 2.2).
  if (family !== V2_TCP4 && family !== V2_TCP6) return header(null);
  const size = family === V2_TCP4 ? 4 : IPV6_BYTES;
  if (length < V2_FIXED_BYTES + size * 2 + 4) return invalid('PROXY header is too short');
  const source = Uint8Array.from(bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + size));
  const ports = V2_FIXED_BYTES + size * 2;
  const destination = Uint8Array.from(bytes.subarray(V2_FIXED_BYTES + size, ports));
  return header({
    source,
    sourcePort: (byte(ports) << 8) | byte(ports + 1),
    destination,
    destinationPort: (byte(ports + 2) << 8) | byte(ports + 3),
  });
}

/** null: the ends are unknown. */
export function encodeProxyHeader(version: 1 | 2, ends: ProxyEnds | null): Uint8Array {
  return version === 1 ? encodeV1(ends) : encodeV2(ends);
}

function encodeV1(ends: ProxyEnds | null): Uint8Array {
  if (ends === null) return ascii('PROXY UNKNOWN\r\n');
  const { source, sourcePort, destination, destinationPort } = ends;
  const family = source.length === 4 ? 'TCP4' : 'TCP6';
  const hosts = `${hostText(source)} ${hostText(destination)}`;
  return ascii(`PROXY ${family} ${hosts} ${sourcePort} ${destinationPort}\r\n`);
}

function hostText(address: Uint8Array): string {
  if (address.length !== 4) return formatIpv6(address);
  const [a = 0, b = 0, c = 0, d = 0] = address;
  return formatIpv4(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function encodeV2(ends: ProxyEnds | null): Uint8Array {
  if (ends === null) return Uint8Array.of(...V2_SIGNATURE, V2_LOCAL, 0, 0, 0);
  const { source, sourcePort, destination, destinationPort } = ends;
  const family = source.length === 4 ? V2_TCP4 : V2_TCP6;
  const length = source.length * 2 + 4;
  return Uint8Array.of(
    ...V2_SIGNATURE,
    V2_PROXY,
    family,
    0,
    length,
    ...source,
    ...destination,
    sourcePort >>> 8,
    sourcePort & 255,
    destinationPort >>> 8,
    destinationPort & 255,
  );
}
