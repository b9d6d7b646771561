/** The relay's own counters: the array it writes, and sums over all relays where a limit needs one. */

import { assert } from '../../../core/assert.ts';

export class Counters {
  #own: Float64Array;
  #all: readonly Float64Array[];

  constructor(all: readonly Float64Array[], own: Float64Array) {
    this.#all = all;
    this.#own = own;
  }

  /** Goes on in other arrays, of another layout. */
  replace(all: readonly Float64Array[], own: Float64Array): void {
    this.#all = all;
    this.#own = own;
  }

  get(index: number): number {
    return this.#own[index] ?? 0;
  }

  add(index: number, amount: number): void {
    this.#own[index] = (this.#own[index] ?? 0) + amount;
  }

  /** By one, of what is there now: what ends here has begun here. */
  lower(index: number): void {
    const before = this.#own[index] ?? 0;
    assert(before > 0, 'what ends was counted when it began');
    this.#own[index] = before - 1;
  }

  set(index: number, value: number): void {
    this.#own[index] = value;
  }

  raise(index: number, value: number): void {
    if (value > (this.#own[index] ?? 0)) this.#own[index] = value;
  }

  /** Over all relays. Another relay may change its part meanwhile: exact for one, close for several. */
  sum(index: number): number {
    let sum = 0;
    for (let relay = 0; relay < this.#all.length; relay++) sum += this.#all[relay]?.[index] ?? 0;
    return sum;
  }
}
