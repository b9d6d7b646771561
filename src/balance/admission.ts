/**
 * How many clients may wait for one server's answer to their hello. After a failover of the VIP all clients come at
 * once, and a server that is given more hellos than it works at only makes each of them wait for longer, some of them
 * for nothing. So the others wait in front of it, as with TCP's slow start (RFC 5681 section 3.1): a server that is not
 * known begins with a few, and may have one more for each answer that came as soon as answers can come.
 */

import { assert } from '../core/assert.ts';

/** Hellos without an answer at one server, over all relays. */
export type AdmissionRules = {
  /** At one that has not answered for a while, at least 1. */
  readonly cold: number;
  /** At any, `cold` at least. */
  readonly max: number;
};

/** ms without an answer after which a server is cold again. */
export const COLD_AFTER_MS = 10_000;
/** An answer within so many times that of the fastest has not waited for others. */
const PROMPT_FACTOR = 2;
/** ms; whatever is answered within them is prompt. */
const PROMPT_MS_MIN = 10;
/** ms; nothing that takes longer is: the fastest may have waited, too, in a relay that has a crowd to accept. */
const PROMPT_MS_MAX = 100;

/** Of one server in one relay. Times are of one clock that does not run backwards, in ms. */
export class AdmissionWindow {
  readonly #cold: number;
  readonly #max: number;
  #size: number;
  #fastestMs = Number.POSITIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** `relays`: those that share the server. */
  constructor({ cold, max }: AdmissionRules, relays: number) {
    assert(cold >= 1 && max >= cold, 'a cold server takes somebody, a warm one more');
    assert(relays >= 1, 'a relay is one of some');
    this.#cold = Math.ceil(cold / relays);
    this.#max = Math.ceil(max / relays);
    this.#size = this.#cold;
  }

  /** So many may wait for an answer now. */
  size(now: number): number {
    return now - this.#answeredAt > COLD_AFTER_MS ? this.#cold : this.#size;
  }

  /** A hello was answered after `spentMs`. */
  answered(spentMs: number, now: number): void {
    if (now - this.#answeredAt > COLD_AFTER_MS) {
      this.#size = this.#cold;
      this.#fastestMs = Number.POSITIVE_INFINITY;
    }
    this.#answeredAt = now;
    this.#fastestMs = Math.min(this.#fastestMs, spentMs);
    const usualMs = Math.min(this.#fastestMs * PROMPT_FACTOR, PROMPT_MS_MAX);
    const isPrompt = spentMs <= Math.max(PROMPT_MS_MIN, usualMs);
    if (isPrompt && this.#size < this.#max) this.#size += 1;
    else if (!isPrompt && this.#size > this.#cold) this.#size -= 1;
  }

  /** Goes on where another stopped that was the same server's. */
  learnFrom(other: AdmissionWindow): void {
    this.#size = Math.min(Math.max(other.#size, this.#cold), this.#max);
    this.#fastestMs = other.#fastestMs;
    this.#answeredAt = other.#answeredAt;
  }
}
