/** What a master tells of rivals on the wire, and how often. */

import type { AddressClaim } from '../../linux/arp.ts';

/** News of a rival come at most this often. */
const RIVAL_NEWS_GAP_MS = 1000;
/** Foreign claimants named in warnings. */
const CLAIMANTS_MAX = 64;

export class RivalNews {
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #claimants = new Set<string>();

  /** Whether a rival that was heard with a priority below the own one is to be told of now. */
  isDue(heard: number, own: number, now: number): boolean {
    if (heard === 0 || heard >= own || now - this.#toldAt < RIVAL_NEWS_GAP_MS) return false;
    this.#toldAt = now;
    return true;
  }

  /** Whether this is somebody who has claimed nothing before. */
  isNew({ mac }: AddressClaim): boolean {
    if (this.#claimants.has(mac) || this.#claimants.size >= CLAIMANTS_MAX) return false;
    this.#claimants.add(mac);
    return true;
  }
}
