/**
 * Sequence numbers of signed advertisements (vrrp/signature.ts): made from UTC, so that a restart goes on
 * above what was sent before, and refused when they are old. What is old is said by the sender's clock where it was
 * asked for its time, and by ours otherwise (docs/adr/0027). Pure; times in milliseconds.
 */

import type { IpAddress } from '../core/ip-address.ts';
import type { Moment } from '../core/moment.ts';
import type { OtherClocks } from '../core/other-clocks.ts';
import type { Sequence } from './signature.ts';

/** Senders remembered; a virtual router has far fewer. */
const SENDERS_MAX = 256;
const FRACTIONS = 0x1_0000_0000;

export type ReplayRule = {
  /** How far a sequence may be from the clock here; null: it must only grow. */
  readonly toleranceMs: number | null;
};

/** The sender's side: above the last, and the clock's time wherever that is possible. */
export class SequenceClock {
  readonly #toleranceMs: number | null;
  #last: Sequence = { seconds: 0, fraction: 0 };

  constructor({ toleranceMs }: ReplayRule) {
    this.#toleranceMs = toleranceMs;
  }

  next(utcMs: number): Sequence {
    const clock = sequenceAt(utcMs);
    // A clock that was set back: receivers look at the same clock, so going on above would be too late.
    const isSetBack = this.#toleranceMs !== null && msOf(this.#last) - utcMs > this.#toleranceMs;
    this.#last = isSetBack || isAbove(clock, this.#last) ? clock : successor(this.#last);
    return this.#last;
  }
}

/** Of senders that were asked for their time. */
export type SenderClocks = OtherClocks<IpAddress>;

export type Freshness =
  /** `skewMs`: the sender's clock less ours; 0 where clocks do not count. */
  { readonly kind: 'fresh'; readonly skewMs: number } | { readonly kind: 'stale' | 'replayed' };

/** The receiver's side. */
export class FreshnessWindow {
  readonly #toleranceMs: number | null;
  readonly #clocks: SenderClocks;
  readonly #last = new Map<IpAddress, Sequence>();

  constructor({ toleranceMs }: ReplayRule, clocks: SenderClocks) {
    this.#toleranceMs = toleranceMs;
    this.#clocks = clocks;
  }

  /** Only for a sequence whose signature is right. */
  take(sender: IpAddress, sequence: Sequence, now: Moment): Freshness {
    const senderMs = this.#clocks.momentOf(sender, now).utcMs;
    if (this.#isFar(msOf(sequence) - senderMs)) return { kind: 'stale' };
    const last = this.#last.get(sender);
    // Where a clock was set, what was heard before says nothing any more.
    const counts = last !== undefined && !this.#isFar(msOf(last) - senderMs);
    if (counts && !isAbove(sequence, last)) return { kind: 'replayed' };
    const [oldest] = this.#last.keys();
    this.#last.delete(sender);
    if (this.#last.size >= SENDERS_MAX && oldest !== undefined) this.#last.delete(oldest);
    this.#last.set(sender, sequence);
    const skewMs = this.#toleranceMs === null ? 0 : msOf(sequence) - now.utcMs;
    return { kind: 'fresh', skewMs };
  }

  /** Never, where clocks do not count. */
  #isFar(skewMs: number): boolean {
    return this.#toleranceMs !== null && Math.abs(skewMs) > this.#toleranceMs;
  }
}

function sequenceAt(utcMs: number): Sequence {
  const seconds = Math.floor(utcMs / 1000);
  const fraction = Math.floor(((utcMs - seconds * 1000) / 1000) * FRACTIONS);
  // The lower 16 bits are left to count.
  return { seconds: seconds >>> 0, fraction: (fraction & 0xffff0000) >>> 0 };
}

function successor({ seconds, fraction }: Sequence): Sequence {
  return fraction === FRACTIONS - 1
    ? { seconds: (seconds + 1) >>> 0, fraction: 0 }
    : { seconds, fraction: fraction + 1 };
}

function isAbove(sequence: Sequence, other: Sequence): boolean {
  if (sequence.seconds !== other.seconds) return sequence.seconds > other.seconds;
  return sequence.fraction > other.fraction;
}

function msOf({ seconds, fraction }: Sequence): number {
  return seconds * 1000 + (fraction / FRACTIONS) * 1000;
}
