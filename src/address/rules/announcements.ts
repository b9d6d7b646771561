/**
 * Announcements that are spread over time (keepalived: garp_interval, gna_interval): what is still to be
 * announced on one interface, frame by frame. Pure; times in milliseconds.
 */

import { assert } from '../../core/assert.ts';
import type { IpAddress } from '../../core/ip-address.ts';

/** keepalived.conf allows 100 repeats for 255 addresses. */
const WAITING_MAX = 25_500;

export class Announcements {
  readonly #paceMs: number;
  #waiting: IpAddress[] = [];
  #next = 0;
  #nextAt = Number.NEGATIVE_INFINITY;

  /** `paceMs`: from frame to frame, above 0. */
  constructor(paceMs: number) {
    assert(paceMs > 0, 'announcements that are spread have a pace');
    this.#paceMs = paceMs;
  }

  /** When take() has something; Infinity: nothing waits. */
  get nextAt(): number {
    return this.#next < this.#waiting.length ? this.#nextAt : Number.POSITIVE_INFINITY;
  }

  /** All addresses, `count` times, behind what waits already; what finds no room is left out. */
  add(addresses: readonly IpAddress[], count: number): void {
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
    for (let round = 0; round < count; round += 1) {
      if (this.#waiting.length + addresses.length > WAITING_MAX) return;
      this.#waiting.push(...addresses);
    }
  }

  /** The address to announce now; null: none is due. */
  take(now: number): IpAddress | null {
    if (now < this.nextAt) return null;
    const address = this.#waiting[this.#next] ?? null;
    this.#next += 1;
    this.#nextAt = now + this.#paceMs;
    return address;
  }

  clear(): void {
    this.#waiting = [];
    this.#next = 0;
  }
}
