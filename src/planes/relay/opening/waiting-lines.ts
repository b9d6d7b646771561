/**
 * Sessions that wait for a server with room, first come, first served: doubly linked lists in typed
 * arrays, so that a client that goes away leaves its line at no cost. A session stands in one line at
 * most; the sessions bound the length.
 */

import { assert } from '../../../core/assert.ts';

export class WaitingLines {
  // Links hold 1 + session; 0 is the end.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** 1 + the line a session stands in. */
  readonly #line: Int32Array;
  #first: Int32Array;
  #last: Int32Array;
  #lengths: Int32Array;
  /** Sessions in all lines. */
  total = 0;

  /** Sessions are 0..capacity-1, lines 0..lines-1. */
  constructor(capacity: number, lines: number) {
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#line = new Int32Array(capacity);
    this.#first = new Int32Array(lines);
    this.#last = new Int32Array(lines);
    this.#lengths = new Int32Array(lines);
  }

  /** Other lines in the place of these, which must be empty. */
  replace(lines: number): void {
    assert(this.total === 0, 'nobody waits while the lines change');
    this.#first = new Int32Array(lines);
    this.#last = new Int32Array(lines);
    this.#lengths = new Int32Array(lines);
  }

  append(line: number, session: number): void {
    assert(this.#line[session] === 0, 'a session waits in one line');
    const last = this.#last[line] ?? 0;
    this.#line[session] = line + 1;
    this.#previous[session] = last;
    this.#next[session] = 0;
    if (last === 0) this.#first[line] = session + 1;
    else this.#next[last - 1] = session + 1;
    this.#last[line] = session + 1;
    this.#lengths[line] = (this.#lengths[line] ?? 0) + 1;
    this.total++;
  }

  remove(session: number): void {
    const line = (this.#line[session] ?? 0) - 1;
    assert(line >= 0, 'a session that leaves a line stood in it');
    const before = this.#previous[session] ?? 0;
    const after = this.#next[session] ?? 0;
    if (before === 0) this.#first[line] = after;
    else this.#next[before - 1] = after;
    if (after === 0) this.#last[line] = before;
    else this.#previous[after - 1] = before;
    this.#line[session] = 0;
    this.#lengths[line] = (this.#lengths[line] ?? 0) - 1;
    this.total--;
  }

  /** The session that came first; -1: nobody waits. */
  head(line: number): number {
    return (this.#first[line] ?? 0) - 1;
  }

  length(line: number): number {
    return this.#lengths[line] ?? 0;
  }

  /** The line a session stands in; -1: none. */
  lineOf(session: number): number {
    return (this.#line[session] ?? 0) - 1;
  }
}
