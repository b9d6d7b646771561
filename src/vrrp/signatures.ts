/**
 * How one instance signs its advertisements and believes those of others: keys, sequences, and how strict it
 * is while a cluster is moved to signatures. Pure; times in milliseconds.
 */

import { assert } from '../core/assert.ts';
import type { IpAddress } from '../core/ip-address.ts';
import type { Moment } from '../core/moment.ts';
import { FreshnessWindow, type ReplayRule, type SenderClocks, SequenceClock } from './freshness.ts';
import type { ReceivedPacket, SignatureFault } from './packet.ts';
import { type HmacSha256, readTrailer, type SignatureKey, writeTrailer } from './signature.ts';

/** enforce: signs, refuses what is not signed. permissive: signs. receive-only: checks what is signed. */
export type SignatureMode = 'enforce' | 'permissive' | 'receive-only';

export type SignatureOptions = ReplayRule & {
  readonly keys: readonly SignatureKey[];
  /** The one that signs; every one is believed. */
  readonly activeKey: number;
  readonly mode: SignatureMode;
  readonly hmac: HmacSha256;
  readonly clocks: SenderClocks;
};

export class Signatures {
  readonly #options: SignatureOptions;
  readonly #active: SignatureKey;
  readonly #clock: SequenceClock;
  readonly #window: FreshnessWindow;
  /** The clock of the sender believed last, less ours; 0 where clocks do not count. */
  skewMs = 0;
  /** Whether the packet believed last was signed. */
  lastWasSigned = false;

  constructor(options: SignatureOptions) {
    const active = options.keys.find(({ id }) => id === options.activeKey);
    assert(active !== undefined, 'the active key is one of the keys');
    this.#options = options;
    this.#active = active;
    this.#clock = new SequenceClock(options);
    this.#window = new FreshnessWindow(options, options.clocks);
  }

  /** Signs the message of `length` bytes in place; returns the length of message and trailer. */
  sign(into: Uint8Array, length: number, source: IpAddress, utcMs: number): number {
    const { mode, hmac } = this.#options;
    if (mode === 'receive-only') return length;
    const sequence = this.#clock.next(utcMs);
    return writeTrailer(into, length, source, { key: this.#active, sequence, hmac });
  }

  /** null: the packet is believed. */
  check(packet: ReceivedPacket, signed: boolean, now: Moment): SignatureFault | null {
    const { keys, mode, hmac } = this.#options;
    this.lastWasSigned = false;
    if (!signed) return mode === 'enforce' ? 'unsigned' : null;
    const sequence = readTrailer(packet.message, packet.source, keys, hmac);
    if (!sequence.ok) return sequence.reason;
    const freshness = this.#window.take(packet.source, sequence.value, now);
    if (freshness.kind !== 'fresh') {
      return freshness.kind === 'stale' ? 'stale-signature' : 'replayed';
    }
    this.skewMs = freshness.skewMs;
    this.lastWasSigned = true;
    return null;
  }
}
