/**
 * Whether a stranger holds one of our addresses, before we ever take it (RFC 5227 section 2.1, RFC 4862
 * section 5.4). Pure.
 *
 * An answer alone is no trouble: the master of our own virtual router answers as well. So an answer with
 * an advertisement of that router heard is fine. An answer in silence is watched longer: the kernel of a
 * killed master answers until the lifetime of its address is over. Who answers even then is a stranger.
 */

import type { IpAddress } from '../../core/ip-address.ts';
import { LIFETIME_MS_MAX } from './lifetime.ts';

/** Probes of an ordinary start, and how far apart. */
const PROBES = 3;
const PROBE_GAP_MS = 100;
/** Apart, once somebody answered in silence. */
const SUSPICION_GAP_MS = 250;
/** Whoever has not answered for so long, three probes, is gone. */
const ANSWER_FRESH_MS = 850;
/** More are strangers that take turns. */
const SUSPICIONS_MAX = 8;

export type ProbeVerdict =
  | { readonly kind: 'running'; readonly nextAt: number }
  | { readonly kind: 'free' }
  | { readonly kind: 'taken'; readonly mac: string; readonly address: IpAddress };

export class AddressProbe {
  readonly #startedAt: number;
  readonly #suspicionMs: number;
  #sent = 0;
  #nextAt: number;
  #heard = false;
  #suspicions = 0;
  #suspicionEndsAt = Number.POSITIVE_INFINITY;
  #answer: { readonly mac: string; readonly address: IpAddress; readonly at: number } | null = null;

  /** `downIntervalMs`: a living master is heard within it. */
  constructor(now: number, downIntervalMs: number) {
    this.#startedAt = now;
    this.#nextAt = now;
    // A master may be killed just before its next advertisement, a third of the down interval after its
    // first answer; its address goes a lifetime later.
    const goneMs = downIntervalMs / 3 + LIFETIME_MS_MAX + ANSWER_FRESH_MS;
    this.#suspicionMs = Math.max(downIntervalMs, goneMs);
  }

  /** A packet of our virtual router came, whatever is wrong with it. */
  onRouterHeard(): void {
    this.#heard = true;
  }

  onAnswer(mac: string, address: IpAddress, now: number): void {
    // Anew for another than the last, and after a silence: several masters may be killed in turn.
    const last = this.#answer;
    const isNews = last === null || mac !== last.mac || now - last.at > ANSWER_FRESH_MS;
    if (isNews && this.#suspicions < SUSPICIONS_MAX) {
      this.#suspicions += 1;
      this.#suspicionEndsAt = now + this.#suspicionMs;
    }
    this.#answer = { mac, address, at: now };
  }

  /** True when a probe for each address is to be sent now. */
  takeDue(now: number): boolean {
    if (now < this.#nextAt) return false;
    if (this.#answer === null && this.#sent >= PROBES) return false;
    this.#sent += 1;
    this.#nextAt = now + (this.#answer === null ? PROBE_GAP_MS : SUSPICION_GAP_MS);
    return true;
  }

  verdict(now: number): ProbeVerdict {
    if (this.#answer === null) {
      if (now >= this.#startedAt + PROBES * PROBE_GAP_MS) return { kind: 'free' };
    } else if (this.#heard || now - this.#answer.at > ANSWER_FRESH_MS) {
      return { kind: 'free' };
    } else if (now >= this.#suspicionEndsAt) {
      const { mac, address } = this.#answer;
      return { kind: 'taken', mac, address };
    }
    return { kind: 'running', nextAt: this.#nextAt };
  }
}
