/**
 * Which questions of peers count: near our time, not from before our start, and each once. One that comes again gets the
 * answer it had: datagrams are sent again where an answer is lost. Our start is held by a clock that nobody sets: UTC may be
 * set back behind it, and what is asked then must count. Pure; times in ms.
 */

import type { Moment } from '../../core/moment.ts';

/** Answers remembered; people ask a few times in a minute. */
const REMEMBERED_MAX = 1024;

export type Reception =
  | { readonly kind: 'new' }
  /** `answer`: null while it is being found. */
  | { readonly kind: 'again'; readonly answer: Uint8Array | null }
  | { readonly kind: 'refused'; readonly why: string };

type Seen = { readonly sentAtMs: number; answer: Uint8Array | null };

export class ReplayGuard {
  readonly #toleranceMs: number;
  readonly #startedAtBootMs: number;
  readonly #seen = new Map<string, Seen>();

  constructor(toleranceMs: number, startedAtBootMs: number) {
    this.#toleranceMs = toleranceMs;
    this.#startedAtBootMs = startedAtBootMs;
  }

  /** Only for a question whose signature is right. `now`: with UTC as the sender has it, where that is known. */
  take(id: string, sentAtMs: number, now: Moment): Reception {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return { kind: 'again', answer: seen.answer };
    const off = Math.abs(sentAtMs - now.utcMs);
    if (off > this.#toleranceMs) {
      const seconds = Math.round(off / 1000);
      return { kind: 'refused', why: `the clocks are ${seconds} s apart, or the question is old` };
    }
    // What was asked before a restart was forgotten by it.
    if (now.utcMs - sentAtMs > now.bootMs - this.#startedAtBootMs) {
      return { kind: 'refused', why: 'the question is from before its start; ask again' };
    }
    if (this.#seen.size >= REMEMBERED_MAX) this.#forgetOld(now.utcMs);
    if (this.#seen.size >= REMEMBERED_MAX) return { kind: 'refused', why: 'too much was asked' };
    this.#seen.set(id, { sentAtMs, answer: null });
    return { kind: 'new' };
  }

  remember(id: string, answer: Uint8Array): void {
    const seen = this.#seen.get(id);
    if (seen !== undefined) seen.answer = answer;
  }

  /**
   * Those that would be refused for their age, whoever sends them. Not before there has to be room: a clock may come to
   * their time again.
   */
  #forgetOld(utcMs: number): void {
    for (const [id, { sentAtMs }] of this.#seen) {
      if (utcMs - sentAtMs > this.#toleranceMs) this.#seen.delete(id);
    }
  }
}
