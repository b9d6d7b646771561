/**
 * Counts connections by their source (HAProxy: `stick-table type ip store conn_cur,conn_rate(3s)` with
 * `track-sc0 src`). Each relay writes a table of its own and reads those of all: as for counters, nobody waits
 * for another, and no two relays that count at one instant can both miss the other's connection.
 *
 * A table has a fixed size. A bucket of a few places holds the sources that fall into it; a new one takes an
 * empty place, else that of the source that was silent longest and has no connection. Where all have some, it is
 * not counted.
 */

import type { SourceCounter, SourceTable } from '../config/model/conditions.ts';
import { assert } from '../core/assert.ts';

const WAYS = 8;
const PLACE_WORDS = 10;

// Words of a place.
const KEY = 0;
/** Seconds of the last connection or its end, plus 1; 0: nobody is here. */
const SEEN = 4;
const CURRENT = 5;
const TOTAL = 6;
/** ms; when the period began that is counted. They wrap after 49 days, which reads as a period of long ago. */
const PERIOD_START = 7;
const PERIOD_COUNT = 8;
const PERIOD_BEFORE = 9;

/** An IPv4 address in its mapped form (RFC 4291 section 2.5.5.2) has this for its third word. */
const MAPPED_WORD = 0xffff;

/** One relay's memory of a table for so many sources, at least 1. Pages that no source falls into cost nothing. */
export function sourceTableMemory(sources: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.ceil(sources / WAYS) * WAYS * PLACE_WORDS * 4);
}

/** Whether one table's memory is of use to the other: who is counted stays so over a reload. */
export function isSameTable(one: SourceTable, other: SourceTable): boolean {
  return (
    one.name === other.name &&
    one.family === other.family &&
    one.sources === other.sources &&
    one.periodMs === other.periodMs
  );
}

export class SourceCounts {
  readonly #config: SourceTable;
  readonly #own: Uint32Array;
  readonly #all: readonly Uint32Array[];
  readonly #buckets: number;
  readonly #idleS: number;
  readonly #key = new Uint32Array(4);

  /** `memories`: of all relays, of one size; `relay`: which of them is written here. */
  constructor(config: SourceTable, memories: readonly SharedArrayBuffer[], relay: number) {
    this.#config = config;
    this.#all = memories.map((memory) => new Uint32Array(memory));
    const own = this.#all[relay];
    assert(own !== undefined, 'a relay has a table of its own');
    this.#own = own;
    this.#buckets = own.length / (WAYS * PLACE_WORDS);
    this.#idleS = config.idleMs === 0 ? Number.POSITIVE_INFINITY : config.idleMs / 1000;
  }

  /** Counts a connection of a source (16 bytes) at `now`, ms: its place, for leave(); -1: it is not counted. */
  enter(address: Uint8Array, now: number): number {
    if (!this.#readKey(address)) return -1;
    const own = this.#own;
    const place = this.#placeFor(now);
    if (place === -1) return -1;
    own[place + SEEN] = stampOf(now);
    own[place + TOTAL] = (own[place + TOTAL] ?? 0) + 1;
    this.#countInPeriod(place, now);
    Atomics.add(own, place + CURRENT, 1);
    return place;
  }

  /** The connection at `place` has ended. */
  leave(place: number, now: number): void {
    const own = this.#own;
    assert((own[place + CURRENT] ?? 0) > 0, 'a connection that ends was counted');
    Atomics.sub(own, place + CURRENT, 1);
    own[place + SEEN] = stampOf(now);
  }

  /** What is counted for the source whose connection is at `place`; null: the table does not count it. */
  at(place: number, counter: SourceCounter, now: number): number | null {
    for (let word = 0; word < 4; word++) this.#key[word] = this.#own[place + KEY + word] ?? 0;
    return this.#sum(counter, now);
  }

  /** What is counted for a source, 0 where it is unknown; null: the table does not count it. */
  of(address: Uint8Array, counter: SourceCounter, now: number): number | null {
    return this.#readKey(address) ? this.#sum(counter, now) : null;
  }

  #sum(counter: SourceCounter, now: number): number | null {
    if (!this.#config.counts.includes(counter)) return null;
    let sum = 0;
    for (const words of this.#all) {
      const place = this.#find(words);
      if (place !== -1 && !this.#isForgotten(words, place, now)) {
        sum += this.#count(words, place, counter, now);
      }
    }
    return sum;
  }

  #count(words: Uint32Array, place: number, counter: SourceCounter, now: number): number {
    switch (counter) {
      case 'current':
        return Atomics.load(words, place + CURRENT);
      case 'total':
        return words[place + TOTAL] ?? 0;
      case 'rate':
        return this.#rate(words, place, now);
    }
  }

  /** As HAProxy: this period's, and as much of the last one's as still lies within a period from now. */
  #rate(words: Uint32Array, place: number, now: number): number {
    const { periodMs } = this.#config;
    const age = ageMs(words[place + PERIOD_START] ?? 0, now);
    const periods = Math.floor(age / periodMs);
    if (periods > 1) return 0;
    const count = periods === 0 ? (words[place + PERIOD_COUNT] ?? 0) : 0;
    const before = words[place + (periods === 0 ? PERIOD_BEFORE : PERIOD_COUNT)] ?? 0;
    // A single one counts as long as its whole next period, so that slow sources do not flap.
    if (count === 0 && before <= 1) return before;
    return count + Math.floor((before * (periodMs - (age % periodMs))) / periodMs);
  }

  #countInPeriod(place: number, now: number): void {
    const own = this.#own;
    const { periodMs } = this.#config;
    const start = own[place + PERIOD_START] ?? 0;
    const periods = Math.floor(ageMs(start, now) / periodMs);
    if (periods > 0) {
      own[place + PERIOD_BEFORE] = periods === 1 ? (own[place + PERIOD_COUNT] ?? 0) : 0;
      own[place + PERIOD_COUNT] = 0;
      own[place + PERIOD_START] = periods === 1 ? start + periodMs : Math.floor(now);
    }
    own[place + PERIOD_COUNT] = (own[place + PERIOD_COUNT] ?? 0) + 1;
  }

  // --- places -------------------------------------------------------------------------------------

  /** Whether sources of its family are counted. */
  #readKey(address: Uint8Array): boolean {
    const key = this.#key;
    for (let word = 0; word < 4; word++) key[word] = wordAt(address, word * 4);
    const mapped = key[0] === 0 && key[1] === 0 && key[2] === MAPPED_WORD;
    if (this.#config.family === 'ipv4') return mapped;
    if (this.#config.family === 'any' && !mapped) key.fill(0, 2);
    return true;
  }

  #firstPlace(): number {
    let hash = 0;
    for (const word of this.#key) hash = Math.imul(hash ^ word ^ (word >>> 16), 0x45d9f3b);
    return (((hash ^ (hash >>> 15)) >>> 0) % this.#buckets) * WAYS * PLACE_WORDS;
  }

  /** -1: the source is not known. */
  #find(words: Uint32Array): number {
    const first = this.#firstPlace();
    for (let place = first; place < first + WAYS * PLACE_WORDS; place += PLACE_WORDS) {
      if (words[place + SEEN] !== 0 && this.#isHere(words, place)) return place;
    }
    return -1;
  }

  #isHere(words: Uint32Array, place: number): boolean {
    return this.#key.every((word, at) => words[place + KEY + at] === word);
  }

  /** The source's own place, or one that is cleared for it; -1: there is none. */
  #placeFor(now: number): number {
    const own = this.#own;
    const known = this.#find(own);
    if (known !== -1 && !this.#isForgotten(own, known, now)) return known;
    const place = known === -1 ? this.#freePlace(now) : known;
    if (place === -1) return -1;
    // Nobody finds it while its key is half written.
    own[place + SEEN] = 0;
    own.fill(0, place + CURRENT, place + PLACE_WORDS);
    own[place + PERIOD_START] = Math.floor(now);
    own.set(this.#key, place + KEY);
    return place;
  }

  #freePlace(now: number): number {
    const own = this.#own;
    const first = this.#firstPlace();
    let oldest = -1;
    let oldestAge = -1;
    for (let place = first; place < first + WAYS * PLACE_WORDS; place += PLACE_WORDS) {
      const seen = own[place + SEEN] ?? 0;
      if (seen === 0) return place;
      const age = ageS(seen, now);
      if (own[place + CURRENT] !== 0 || age <= oldestAge) continue;
      oldest = place;
      oldestAge = age;
    }
    return oldest;
  }

  #isForgotten(words: Uint32Array, place: number, now: number): boolean {
    if (Atomics.load(words, place + CURRENT) !== 0) return false;
    return ageS(words[place + SEEN] ?? 0, now) > this.#idleS;
  }
}

function stampOf(now: number): number {
  return Math.floor(now / 1000) + 1;
}

function ageS(seen: number, now: number): number {
  return Math.max(0, stampOf(now) - seen);
}

function ageMs(start: number, now: number): number {
  return (Math.floor(now) - start) >>> 0;
}

function wordAt(address: Uint8Array, at: number): number {
  const byte = (offset: number): number => address[at + offset] ?? 0;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}
