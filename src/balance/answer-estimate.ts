/**
 * How long a server is expected to take for an answer: what it took usually, or how long those that wait
 * for it have waited by now where that is more. A server that hangs, or has too much to do, shows in the
 * second at once; the first would only follow once it answers.
 *
 * A server for which somebody waited so long that another was asked is suspect until it answers. Meanwhile
 * new clients are better off elsewhere, where there is something to be hoped for; one of them now and then
 * finds out how it is.
 */

import { assert } from '../core/assert.ts';

/** What a server is slow with. */
export type Stage = 'connect' | 'answer';

/** Weight of the newest answer in the average. */
const ANSWER_WEIGHT = 1 / 8;
/** ms; what a server took longer ago than this says nothing about now. */
const USUAL_AGE_MS_MAX = 10_000;
/** ms; a suspect server is given one client so often. */
export const PROBE_MS = 1000;
/** Another server is worth asking when it is expected to take no more than this share of a wait. */
const WORTH_SHARE = 1 / 2;

/** Of one server in one relay. Times are of one clock that does not run backwards, in ms. */
export class AnswerEstimate {
  #usualMs = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #waiting = 0;
  /** Of the moments at which those that wait began to. */
  #sinceSum = 0;
  #suspicion: Stage | null = null;
  /** How long somebody had waited when it became suspect, ms. */
  #overdueMs = 0;
  #probeAt = 0;
  /** Whether somebody has waited too long since the last probe. */
  #confirmed = false;

  /** What it took usually, ms, a moving average; 0: not known. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** Those that wait for it now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Somebody waits for it since `at`. */
  began(at: number): void {
    this.#waiting++;
    this.#sinceSum += at;
  }

  /** Who waited since `at` does no longer, answered or not. */
  ended(at: number): void {
    assert(this.#waiting > 0, 'who waits for a server no longer began to');
    this.#waiting--;
    // Nobody is left whose share a rounding error could be.
    this.#sinceSum = this.#waiting === 0 ? 0 : this.#sinceSum - at;
  }

  /** Somebody has waited `waitedMs` for it, which is too long. */
  overdue(stage: Stage, waitedMs: number, now: number): void {
    if (this.#suspicion === null) this.#probeAt = now + PROBE_MS;
    // A process that hangs still has its connects answered, by the kernel.
    if (this.#suspicion !== 'answer') this.#suspicion = stage;
    this.#overdueMs = waitedMs;
    this.#confirmed = true;
  }

  /** It has taken a connect. */
  connected(): void {
    if (this.#suspicion === 'connect') this.#clear();
  }

  /** It has answered after `spentMs`. */
  answered(spentMs: number, now: number): void {
    const before = this.#usualMs;
    this.#usualMs = before === 0 ? spentMs : before + (spentMs - before) * ANSWER_WEIGHT;
    this.#answeredAt = now;
    this.#clear();
  }

  #clear(): void {
    this.#suspicion = null;
    this.#overdueMs = 0;
  }

  /**
   * A new client is about to get this server: how long others have waited for it, ms. 0 also for the one
   * that is to find out how a suspect server is.
   */
  doubtMs(now: number): number {
    if (this.#suspicion !== null && now >= this.#probeAt) {
      if (!this.#confirmed) this.#clear();
      this.#confirmed = false;
      this.#probeAt = now + PROBE_MS;
      return 0;
    }
    return Math.max(this.#overdueMs, this.waitedMs(now));
  }

  /** Those that wait have waited so long on average, ms; 0: nobody waits. */
  waitedMs(now: number): number {
    return this.#waiting === 0 ? 0 : Math.max(0, now - this.#sinceSum / this.#waiting);
  }

  /** ms; 0 where nothing is known against it. */
  expectedMs(now: number): number {
    const usual = now - this.#answeredAt > USUAL_AGE_MS_MAX ? 0 : this.#usualMs;
    return Math.max(usual, this.#overdueMs, this.waitedMs(now));
  }

  /**
   * Whether somebody who has waited `waitedMs` for another server may hope for this one: while all of them
   * are slow together, none is.
   */
  isWorthAsking(waitedMs: number, now: number): boolean {
    return this.expectedMs(now) <= waitedMs * WORTH_SHARE;
  }

  /** Takes over what another learnt about the same server, but nobody who waits. */
  learnFrom(other: AnswerEstimate): void {
    this.#usualMs = other.#usualMs;
    this.#answeredAt = other.#answeredAt;
  }
}
