/**
 * How nodes sign what they say to each other in UDP datagrams: an HMAC-SHA256 behind the bytes, under a key that is made from the
 * cluster's own (`vrrp.key`) for one purpose. What is signed for one passes for no other, and for no advertisement.
 */

import { nodeCrypto } from '../../builtins.ts';

/** Below any path's MTU: nothing is put together from fragments. */
export const DATAGRAM_BYTES_MAX = 1200;
export const DIGEST_BYTES = 32;

/** `secret`: text of the cluster's key file; white space around it is no part of it. */
export function keyOf(secret: string, purpose: string): Buffer {
  return nodeCrypto().createHmac('sha256', secret.trim()).update(purpose).digest();
}

/** The bytes with their digest, DIGEST_BYTES more. */
export function sign(key: Buffer, bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, digestOf(key, bytes)]);
}

/** Whether the last DIGEST_BYTES are the digest of what is before them. Takes as long whatever they are. */
export function isSigned(key: Buffer, bytes: Uint8Array): boolean {
  const end = bytes.length - DIGEST_BYTES;
  if (end < 0) return false;
  return nodeCrypto().timingSafeEqual(digestOf(key, bytes.subarray(0, end)), bytes.subarray(end));
}

function digestOf(key: Buffer, bytes: Uint8Array): Buffer {
  return nodeCrypto().createHmac('sha256', key).update(bytes).digest();
}
