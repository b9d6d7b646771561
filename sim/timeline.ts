/** Virtual time: what happens when, in a binary heap; ties in the order in which they were planned. */

import { assert } from '../src/core/assert.ts';

type Planned = { readonly at: number; readonly order: number; readonly run: () => void };

/** More than this is waiting: something feeds itself. */
const PLANNED_MAX = 20_000;

export class Timeline {
  readonly #heap: Planned[] = [];
  #order = 0;
  /** Milliseconds since the world began. */
  now = 0;

  /** Plans `run` for the time `at`; one in the past comes now. */
  plan(at: number, run: () => void): void {
    assert(Number.isFinite(at), 'events have a time');
    assert(this.#heap.length < PLANNED_MAX, 'the simulation plans a bounded number of events');
    this.#order += 1;
    const planned = { at: Math.max(at, this.now), order: this.#order, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(planned);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(planned, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = planned;
  }

  /** Events that wait. */
  get planned(): number {
    return this.#heap.length;
  }

  /** When the next event comes; Infinity: nothing is planned. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next event off and makes its time the present. */
  take(): () => void {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    assert(first !== undefined && last !== undefined, 'an event is planned');
    if (this.#heap.length > 0) this.#sink(last);
    this.now = first.at;
    return first.run;
  }

  #sink(planned: Planned): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const rightIsFirst = right !== undefined && isBefore(right, left);
      const child = rightIsFirst ? right : left;
      if (!isBefore(child, planned)) break;
      heap[index] = child;
      index = 2 * index + (rightIsFirst ? 2 : 1);
    }
    heap[index] = planned;
  }
}

function isBefore(left: Planned, right: Planned): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
