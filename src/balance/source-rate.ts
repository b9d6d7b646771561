/**
 * Bounds new connections per source: so many within a period that begins with the first of them. The
 * table has a fixed size; where it is full, the source that has been quiet longest is forgotten.
 *
 * An IPv6 source is its /64, because whoever has one address there has them all.
 */

const SETS = 4096;
const WAYS = 4;

export class SourceRate {
  readonly #connections: number;
  readonly #periodMs: number;
  readonly #high = new Uint32Array(SETS * WAYS);
  readonly #low = new Uint32Array(SETS * WAYS);
  readonly #count = new Uint32Array(SETS * WAYS);
  /** ms; when the period began. */
  readonly #since = new Float64Array(SETS * WAYS).fill(Number.NEGATIVE_INFINITY);

  constructor(connections: number, periodMs: number) {
    this.#connections = connections;
    this.#periodMs = periodMs;
  }

  /** Counts a connection. `address`: 16 bytes, IPv4 in its mapped form; `now` in ms. */
  admits(address: Uint8Array, now: number): boolean {
    const entry = this.#entryOf(address, now);
    if (now - (this.#since[entry] ?? 0) >= this.#periodMs) {
      this.#since[entry] = now;
      this.#count[entry] = 0;
    }
    const count = (this.#count[entry] ?? 0) + 1;
    if (count > this.#connections) return false;
    this.#count[entry] = count;
    return true;
  }

  #entryOf(address: Uint8Array, now: number): number {
    const mapped = isMapped(address);
    const high = mapped ? 0 : wordAt(address, 0);
    const low = wordAt(address, mapped ? 12 : 4);
    const set = (Math.imul(high ^ Math.imul(low, 0x9e3779b1), 0x85ebca6b) >>> 20) & (SETS - 1);
    let oldest = set * WAYS;
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      const since = this.#since[entry] ?? 0;
      const taken = since !== Number.NEGATIVE_INFINITY;
      if (taken && this.#high[entry] === high && this.#low[entry] === low) return entry;
      if (since < (this.#since[oldest] ?? 0)) oldest = entry;
    }
    this.#high[oldest] = high;
    this.#low[oldest] = low;
    this.#count[oldest] = 0;
    this.#since[oldest] = now;
    return oldest;
  }
}

function wordAt(address: Uint8Array, at: number): number {
  const byte = (offset: number): number => address[at + offset] ?? 0;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}

/** ::ffff:0:0/96 */
function isMapped(address: Uint8Array): boolean {
  return wordAt(address, 0) === 0 && wordAt(address, 4) === 0 && wordAt(address, 8) === 0xffff;
}
