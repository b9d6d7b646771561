/**
 * Deadlines of sessions: a hierarchical timing wheel (Varghese and Lauck, 1987) in typed arrays.
 *
 * Activity never touches the wheel. A node whose slot comes up is handed to its owner, who compares the
 * real deadline and puts it back if it lies ahead; an idle session is so looked at about once per level
 * and timeout, not once per tick.
 */

import { assert } from '../../../core/assert.ts';

export const TICK_MS = 16;
const SLOT_BITS = 8;
const SLOTS = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS - 1;
/** Horizons: 4 s, 17 min, 3 days; what lies beyond waits in the last slot and is put back. */
const LEVELS = 3;

export class TimingWheel {
  readonly #capacity: number;
  // Links hold 1 + index; nodes first, then one list head per slot.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #tick: number;

  /** Nodes are 0..capacity-1. `now` in ms. */
  constructor(capacity: number, now: number) {
    this.#capacity = capacity;
    this.#next = new Int32Array(capacity + LEVELS * SLOTS);
    this.#previous = new Int32Array(capacity + LEVELS * SLOTS);
    this.#tick = Math.floor(now / TICK_MS);
  }

  /** (Re)arms a node for `deadline` in ms; Infinity: no deadline, only takes it out. */
  arm(node: number, deadline: number): void {
    this.disarm(node);
    if (deadline === Number.POSITIVE_INFINITY) return;
    // Rounded up, and never the slot being emptied now.
    const due = Math.max(Math.ceil(deadline / TICK_MS), this.#tick + 1);
    const delta = due - this.#tick;
    let head = this.#capacity;
    if (delta < SLOTS) head += due & SLOT_MASK;
    else if (delta < SLOTS * SLOTS) head += SLOTS + (Math.floor(due / SLOTS) & SLOT_MASK);
    else {
      const far = Math.min(due, this.#tick + SLOTS * SLOTS * SLOT_MASK);
      head += 2 * SLOTS + (Math.floor(far / (SLOTS * SLOTS)) & SLOT_MASK);
    }
    const first = this.#next[head] ?? 0;
    this.#next[node] = first;
    this.#previous[node] = head + 1;
    this.#next[head] = node + 1;
    if (first !== 0) this.#previous[first - 1] = node + 1;
  }

  disarm(node: number): void {
    assert(node < this.#capacity, 'a node lies within the wheel');
    const before = this.#previous[node] ?? 0;
    if (before === 0) return;
    const after = this.#next[node] ?? 0;
    this.#next[before - 1] = after;
    if (after !== 0) this.#previous[after - 1] = before;
    this.#previous[node] = 0;
    this.#next[node] = 0;
  }

  /**
   * Turns the wheel to `now` and hands every node whose slot came up to `due`, which must arm it again
   * unless it is done with it. A long sleep is caught up tick by tick.
   */
  advance(now: number, due: (node: number) => void): void {
    const target = Math.floor(now / TICK_MS);
    while (this.#tick < target) {
      this.#tick++;
      if ((this.#tick & SLOT_MASK) === 0) {
        const higher = Math.floor(this.#tick / SLOTS);
        if ((higher & SLOT_MASK) === 0) {
          this.#empty(2 * SLOTS + (Math.floor(higher / SLOTS) & SLOT_MASK), due);
        }
        this.#empty(SLOTS + (higher & SLOT_MASK), due);
      }
      this.#empty(this.#tick & SLOT_MASK, due);
    }
  }

  #empty(slot: number, due: (node: number) => void): void {
    const head = this.#capacity + slot;
    // Handed-out nodes never come back to this slot, so the list only shrinks.
    for (let turn = 0; turn <= this.#capacity; turn++) {
      const first = this.#next[head] ?? 0;
      if (first === 0) return;
      this.disarm(first - 1);
      due(first - 1);
    }
  }
}
