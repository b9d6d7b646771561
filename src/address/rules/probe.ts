/**
 * Whether a stranger holds one of our addresses, before we ever take it (RFC 5227 section 2.1, RFC 4862
 * section 5.4). Pure.
 *
 * An answer alone is no trouble: another node that owns the address by election answers as well. So an
 * answer with a sign of life of such an owner is fine. An answer in silence is watched longer: the kernel of
 * a killed owner answers until the lifetime of its address is over. Who answers even then is a stranger.
 *
 * A silence counts in probes that were not answered, and not in time alone: who slept has asked nobody meanwhile.
 */

import { assert } from '../../core/assert.ts';
import type { IpAddress } from '../../core/ip-address.ts';
import { LIFETIME_MS_MAX } from './lifetime.ts';

/** Probes of an ordinary start, and how far apart. */
const PROBES = 3;
const PROBE_GAP_MS = 100;
/** Apart, once somebody answered in silence. */
const SUSPICION_GAP_MS = 250;
/** Whoever has not answered for so long, and so many probes, is gone. */
const ANSWER_FRESH_MS = 850;
const UNANSWERED_PROBES = 3;
/** More are strangers that take turns. */
const SUSPICIONS_MAX = 8;

export type ProbeVerdict =
  | { readonly kind: 'running'; readonly nextAt: number }
  | { readonly kind: 'free' }
  | { readonly kind: 'taken'; readonly mac: string; readonly address: IpAddress };

export class AddressProbe {
  readonly #suspicionMs: number;
  #sent = 0;
  /** Of those, since the last answer. */
  #unanswered = 0;
  #lastSentAt: number;
  #nextAt: number;
  #heard = false;
  #suspicions = 0;
  #suspicionEndsAt = Number.POSITIVE_INFINITY;
  #answer: { readonly mac: string; readonly address: IpAddress; readonly at: number } | null = null;

  /** `heardWithinMs`: a living owner is heard at least that often, and gives three signs of life in it. */
  constructor(now: number, heardWithinMs: number) {
    assert(heardWithinMs > 0, 'an owner is given time to be heard');
    this.#lastSentAt = now;
    this.#nextAt = now;
    // An owner may be killed just before its next sign of life, a third of that time after its first answer;
    // its address goes a lifetime later.
    const goneMs = heardWithinMs / 3 + LIFETIME_MS_MAX + ANSWER_FRESH_MS;
    this.#suspicionMs = Math.max(heardWithinMs, goneMs);
  }

  /** Whoever may own the address gave a sign of life, whatever is wrong with it. */
  onOwnerHeard(): void {
    this.#heard = true;
  }

  onAnswer(mac: string, address: IpAddress, now: number): void {
    // Anew for another than the last, and after a silence: several owners may be killed in turn.
    const last = this.#answer;
    const isNews = last === null || mac !== last.mac || now - last.at > ANSWER_FRESH_MS;
    if (isNews && this.#suspicions < SUSPICIONS_MAX) {
      this.#suspicions += 1;
      this.#suspicionEndsAt = now + this.#suspicionMs;
    }
    this.#answer = { mac, address, at: now };
    this.#unanswered = 0;
  }

  /** True when a probe for each address is to be sent now. */
  takeDue(now: number): boolean {
    if (now < this.#nextAt) return false;
    if (this.#answer === null && this.#sent >= PROBES) return false;
    this.#sent += 1;
    this.#unanswered += 1;
    this.#lastSentAt = now;
    this.#nextAt = now + (this.#answer === null ? PROBE_GAP_MS : SUSPICION_GAP_MS);
    return true;
  }

  verdict(now: number): ProbeVerdict {
    // Who was asked last has had the time to answer.
    const isAsked = now >= this.#lastSentAt + PROBE_GAP_MS;
    if (this.#answer === null) {
      if (isAsked && this.#sent >= PROBES) return { kind: 'free' };
      return { kind: 'running', nextAt: this.#nextAt };
    }
    const { mac, address, at } = this.#answer;
    const isGone = isAsked && this.#unanswered >= UNANSWERED_PROBES && now - at > ANSWER_FRESH_MS;
    if (this.#heard || isGone) return { kind: 'free' };
    // An answer of before a sleep says nothing of now.
    const isLate = at >= this.#suspicionEndsAt - ANSWER_FRESH_MS;
    if (now >= this.#suspicionEndsAt && isLate) return { kind: 'taken', mac, address };
    return { kind: 'running', nextAt: this.#nextAt };
  }
}
