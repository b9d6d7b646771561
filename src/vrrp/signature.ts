/**
 * Signed advertisements: a trailer behind the VRRP message with HMAC-SHA256 and a sequence number
 * (draft-cassen-vrrp-auth-hmac-00; keepalived from 2.4 on calls it auth_hmac). docs/vrrp-authentication.md
 * tells operators about it. Of both versions and families:
 *
 *   0       scheme: 1, HMAC-SHA256 cut to 128 bits
 *   1       key id, 1..255
 *   2..3    0
 *   4..7    sequence: seconds of UTC since 1970
 *   8..11   sequence: parts of the second, 2^-32 each; the lower half may count instead
 *   12..27  HMAC
 *
 * The HMAC covers 20 bytes that do not travel (4 or 6 for the family, version, virtual router id, 0, the
 * source address and zeros up to 16 bytes), the message with a checksum of 0, and the trailer with an HMAC
 * of 0. Pure: the primitive comes from the caller.
 */

import { assert } from '../core/assert.ts';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import { type IpAddress, isIpv6Address, writeIpAddress } from '../core/ip-address.ts';
import { fail, ok, type Result } from '../core/result.ts';

export const TRAILER_BYTES = 28;
/** Of a secret, in bytes. */
const SECRET_BYTES_MIN = 32;
const SECRET_BYTES_MAX = 64;

const SCHEME_SHA256 = 1;
const HMAC_OFFSET = 12;
const HMAC_BYTES = TRAILER_BYTES - HMAC_OFFSET;
const PSEUDO_BYTES = 20;
const CHECKSUM_OFFSET = 6;

/** HMAC-SHA256; 32 bytes, of which 16 travel. */
export type HmacSha256 = (secret: Uint8Array, bytes: Uint8Array) => Uint8Array;

export type SignatureKey = {
  /** 1..255 */
  readonly id: number;
  readonly secret: Uint8Array;
};

/** Grows with every advertisement of a sender. */
export type Sequence = {
  /** 0..2^32 - 1 */
  readonly seconds: number;
  /** 0..2^32 - 1 */
  readonly fraction: number;
};

/** Whether a trailer stands behind a message that ends at `length`; it need not be a good one. */
export function hasTrailer(bytes: Uint8Array, length: number): boolean {
  return bytes.length === length + TRAILER_BYTES && bytes[length] === SCHEME_SHA256;
}

/** Writes the trailer behind the message of `length` bytes; returns the length of both. */
export function writeTrailer(
  into: Uint8Array,
  length: number,
  source: IpAddress,
  { key, sequence, hmac }: { key: SignatureKey; sequence: Sequence; hmac: HmacSha256 },
): number {
  const total = length + TRAILER_BYTES;
  assert(into.length >= total, 'the buffer holds the trailer');
  into.fill(0, length, total);
  into[length] = SCHEME_SHA256;
  into[length + 1] = key.id;
  writeUint32(into, length + 4, sequence.seconds);
  writeUint32(into, length + 8, sequence.fraction);
  const digest = hmac(key.secret, coveredBytes(into.subarray(0, total), source));
  into.set(digest.subarray(0, HMAC_BYTES), length + HMAC_OFFSET);
  return total;
}

export type TrailerFault = 'malformed-signature' | 'unknown-key' | 'wrong-signature';

/** Checks the trailer at the end of `bytes`, which begin with the message. Never throws. */
export function readTrailer(
  bytes: Uint8Array,
  source: IpAddress,
  keys: readonly SignatureKey[],
  hmac: HmacSha256,
): Result<Sequence, TrailerFault> {
  const start = bytes.length - TRAILER_BYTES;
  if (start <= CHECKSUM_OFFSET + 1 || bytes[start] !== SCHEME_SHA256) {
    return fail('malformed-signature');
  }
  if (readUint16(bytes, start + 2) !== 0) return fail('malformed-signature');
  const key = keys.find(({ id }) => id === bytes[start + 1]);
  if (key === undefined) return fail('unknown-key');
  const digest = hmac(key.secret, coveredBytes(bytes, source));
  // Every byte is looked at, so that the time tells nothing.
  let difference = 0;
  for (let index = 0; index < HMAC_BYTES; index += 1) {
    difference |= (digest[index] ?? 0) ^ (bytes[start + HMAC_OFFSET + index] ?? 0);
  }
  if (difference !== 0) return fail('wrong-signature');
  return ok({
    seconds: readUint32(bytes, start + 4),
    fraction: readUint32(bytes, start + 8),
  });
}

/** What is signed: see the head of this file. */
function coveredBytes(bytes: Uint8Array, source: IpAddress): Uint8Array {
  const covered = new Uint8Array(PSEUDO_BYTES + bytes.length);
  covered[0] = isIpv6Address(source) ? 6 : 4;
  covered[1] = (bytes[0] ?? 0) >>> 4;
  covered[2] = bytes[1] ?? 0;
  writeIpAddress(covered, 4, source);
  covered.set(bytes, PSEUDO_BYTES);
  writeUint16(covered, PSEUDO_BYTES + CHECKSUM_OFFSET, 0);
  covered.fill(0, covered.length - HMAC_BYTES);
  return covered;
}

/** A secret as an operator writes it: "hex:" and digits, or the text itself; white space around is cut. */
export function parseSecret(text: string): Result<Uint8Array> {
  const trimmed = text.trim();
  const hex = /^hex:(.*)$/s.exec(trimmed)?.[1];
  if (hex !== undefined && !/^([0-9a-fA-F]{2})+$/.test(hex)) {
    return fail('has something else than pairs of hexadecimal digits behind "hex:"');
  }
  const bytes =
    hex === undefined
      ? new TextEncoder().encode(trimmed)
      : Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX) return ok(bytes);
  return fail(
    `has ${bytes.length} bytes; a key has ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX}, ` +
      'as "openssl rand -hex 32" makes them (written behind "hex:")',
  );
}
