/** The signatures of an instance (vrrp/signatures.ts) with the machine's clock and cryptography. */

import { nodeCrypto } from '../../builtins.ts';
import type { SignatureConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { assert } from '../../core/assert.ts';
import { bootMs } from '../../linux/clock.ts';
import type { SenderClocks } from '../../vrrp/freshness.ts';
import type {
  ChecksumRule,
  DropReason,
  Expectation,
  Sign,
  SignatureCheck,
} from '../../vrrp/packet.ts';
import { parseSecret } from '../../vrrp/signature.ts';
import { Signatures } from '../../vrrp/signatures.ts';

/** A sender's clock that is off by more than this share of what is tolerated is told of. */
const SKEW_SHARE = 0.5;

/** For reasons whose name alone does not lead to the fix. */
export const HINTS: Readonly<{ [Reason in DropReason]?: string }> = {
  'wrong-ttl': '; it sends from beyond a router, or with another TTL than 255',
  unsigned: '; give it the key, or set key-mode "permissive" here until it has it',
  'unexpected-signature': '; it has a key and this node has none: give this node the same',
  'wrong-signature': '; its key is another',
  'stale-signature': '; its clock or ours is wrong, or somebody replays old packets',
};

/** null: nothing is signed. */
export function signaturesOf(
  { signature }: VrrpInstanceConfig,
  clocks: SenderClocks,
): Signatures | null {
  if (signature === undefined) return null;
  const keys = signature.keys.map(({ id, secret }) => {
    const parsed = parseSecret(secret ?? '');
    assert(parsed.ok, `key ${id} was read before`);
    return { id, secret: parsed.value };
  });
  const { createHmac } = nodeCrypto();
  const hmac = (secret: Uint8Array, bytes: Uint8Array): Uint8Array =>
    createHmac('sha256', secret).update(bytes).digest();
  return new Signatures({ ...signature, keys, hmac, clocks });
}

export type Encoding = { readonly checksum?: ChecksumRule; readonly sign?: Sign };

export function encodingOf({ checksum }: Expectation, signatures: Signatures | null): Encoding {
  return {
    ...(checksum !== undefined && { checksum }),
    ...(signatures !== null && {
      sign: (into, length, source) => signatures.sign(into, length, source, Date.now()),
    }),
  };
}

export function checkOf(signatures: Signatures): SignatureCheck {
  return (packet, signed) =>
    signatures.check(packet, signed, { utcMs: Date.now(), bootMs: bootMs() });
}

/** What an operator should know of the signature of the packet believed last; null: nothing. */
export function signatureNews(
  config: SignatureConfig | undefined,
  signatures: Signatures | null,
): string | null {
  if (config === undefined || signatures === null) return null;
  const { mode, toleranceMs } = config;
  if (!signatures.lastWasSigned) return `signs nothing, which key-mode "${mode}" takes`;
  const noticeMs = (toleranceMs ?? Number.POSITIVE_INFINITY) * SKEW_SHARE;
  const offMs = Math.abs(signatures.skewMs);
  if (toleranceMs === null || offMs <= noticeMs) return null;
  if (offMs > toleranceMs) {
    return (
      `has a clock over ${toleranceMs / 1000} s from ours, and is believed only as long as it says so ` +
      'when asked: synchronize the clocks'
    );
  }
  return (
    `has a clock over ${noticeMs / 1000} s from ours; beyond ${toleranceMs / 1000} s it is not ` +
    'believed unless it answers when asked for its time: synchronize the clocks'
  );
}
