/**
 * Which server each source was given last (HAProxy: `stick-table type ip` with `stick on src`): a table of
 * fixed size in memory that all relays share, as the connections of one source come to any of them.
 *
 * A source is its hash, which for IPv4 is the address itself. A bucket of a few places holds those that fall
 * into it; a new one takes an empty place, else the one whose source was silent longest. Two relays that take
 * one place at the same instant may leave a source with the other's server, to which it then sticks.
 */

import type { Picker } from './picker.ts';

const WAYS = 8;
/** Per place: the source, then 1 + server and the time of its last connection. */
const PLACE_WORDS = 2;
/** Servers are told apart below this (HAProxy's own limit of a backend is far above what we take). */
const SERVER_BITS = 11;
const SERVER_MASK = (1 << SERVER_BITS) - 1;
/** Seconds wrap after 24 days: a source that was silent for so long may count as one that was not. */
const TIME_MASK = (1 << (32 - SERVER_BITS)) - 1;

/** A table's memory for so many sources, at least 1. */
export function stickTableMemory(sources: number): SharedArrayBuffer {
  const buckets = Math.ceil(sources / WAYS);
  return new SharedArrayBuffer(buckets * WAYS * PLACE_WORDS * 4);
}

export class StickTable {
  readonly #words: Uint32Array;
  readonly #buckets: number;
  readonly #idleS: number;

  /** `idleMs`: how long a source that makes no connection is remembered; 0: as long as there is room. */
  constructor(memory: SharedArrayBuffer, idleMs: number) {
    this.#words = new Uint32Array(memory);
    this.#buckets = this.#words.length / (WAYS * PLACE_WORDS);
    this.#idleS = idleMs === 0 ? Number.POSITIVE_INFINITY : idleMs / 1000;
  }

  /** The server of a source, -1 for none. `now`: ms, monotonic and common to all relays. */
  find(source: number, now: number): number {
    const words = this.#words;
    const place = this.#placeOf(source);
    if (place === -1) return -1;
    const value = words[place + 1] ?? 0;
    return age(value, now) > this.#idleS ? -1 : (value & SERVER_MASK) - 1;
  }

  /** Notes the server that a source was given, whatever it had before. */
  set(source: number, server: number, now: number): void {
    const words = this.#words;
    let place = this.#placeOf(source);
    if (place === -1) place = this.#oldestPlace(source, now);
    words[place] = source;
    words[place + 1] = (secondsOf(now) << SERVER_BITS) | (server + 1);
  }

  #firstPlace(source: number): number {
    const mixed = Math.imul(source ^ (source >>> 16), 0x45d9f3b) >>> 0;
    return (((mixed ^ (mixed >>> 15)) >>> 0) % this.#buckets) * WAYS * PLACE_WORDS;
  }

  /** -1: the source is not known. */
  #placeOf(source: number): number {
    const first = this.#firstPlace(source);
    for (let place = first; place < first + WAYS * PLACE_WORDS; place += PLACE_WORDS) {
      if (this.#words[place] === source && this.#words[place + 1] !== 0) return place;
    }
    return -1;
  }

  #oldestPlace(source: number, now: number): number {
    const first = this.#firstPlace(source);
    let oldest = first;
    let oldestAge = -1;
    for (let place = first; place < first + WAYS * PLACE_WORDS; place += PLACE_WORDS) {
      const value = this.#words[place + 1] ?? 0;
      if (value === 0) return place;
      if (age(value, now) <= oldestAge) continue;
      oldest = place;
      oldestAge = age(value, now);
    }
    return oldest;
  }
}

function secondsOf(now: number): number {
  return Math.floor(now / 1000) & TIME_MASK;
}

function age(value: number, now: number): number {
  return (secondsOf(now) - (value >>> SERVER_BITS)) & TIME_MASK;
}

/**
 * Leads a source to the server it had, as long as that takes connections, and to the one `inner` chooses
 * otherwise, which is its server from then on. `usable`: by server, whether it takes new connections.
 */
export function createStickyPicker(
  inner: Picker,
  table: StickTable,
  usable: readonly boolean[],
): Picker {
  return {
    pick(context) {
      const { sourceHash, now } = context;
      const known = table.find(sourceHash, now);
      const stays = known !== -1 && usable[known] === true && !context.excluded(known);
      const server = stays ? known : inner.pick(context);
      if (server !== -1) table.set(sourceHash, server, now);
      return server;
    },
  };
}
