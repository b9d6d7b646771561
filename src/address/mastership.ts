/**
 * What an election has made this node master of, in a file that outlives the process: a page of memory that
 * is written with every sign of life, without a system call. A guardian that is started while the others
 * still wait for one that was killed goes on as master, as one that had only been slow would (ADR 10); and a reaper
 * sees by it that one hangs (ADR 24).
 */

import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { assert } from '../core/assert.ts';
import { mapSharedMemory } from '../linux/files.ts';

/** One record: four numbers, then the instance's name. They are filled in order. */
const RECORD_BYTES = 256;
const NAME_OFFSET = 32;
const NAME_BYTES = RECORD_BYTES - NAME_OFFSET;
const NUMBERS = RECORD_BYTES / Float64Array.BYTES_PER_ELEMENT;
/** Instances beyond begin as backup. */
const RECORDS_MAX = 256;
const FILE_BYTES = RECORD_BYTES * RECORDS_MAX;

export type Mastership = {
  /** Of the last sign of life, e.g. an advertisement; ms of linux/clock.ts. */
  readonly shownAt: number;
  /** What it was master by, 1..255: VRRP's effective priority. An election without ranks writes 1. */
  readonly rank: number;
  /** ms from one sign of life to the next, as others were told; absent: a process of before that did not note it. */
  readonly everyMs?: number;
};

export type WatchedMastership = Mastership & {
  /** Of the last sign that its process was well, shown to others or not; ms of linux/clock.ts. */
  readonly aliveAt: number;
};

/** The record of one instance. */
export type MastershipRecord = {
  note(shownAt: number, rank: number): void;
  /** What others are told of how often it shows life; ms. */
  every(everyMs: number): void;
  /** A sign for the reaper alone. */
  live(aliveAt: number): void;
  forget(): void;
};

export class MastershipFile {
  readonly #left: ReadonlyMap<string, Mastership>;
  readonly #bytes: Uint8Array;
  readonly #numbers: Float64Array;
  readonly #places = new Map<string, number>();

  /** Reads what an earlier process has left, and begins anew. Throws Error or SystemError. */
  constructor(path: string) {
    const fd = openSync(path, 'a+', 0o600);
    try {
      const content = Buffer.alloc(FILE_BYTES);
      this.#left = decode(content.subarray(0, readSync(fd, content, 0, FILE_BYTES, 0)));
      // Written out: a full file system shows here and not as a SIGBUS when the memory is touched.
      ftruncateSync(fd, 0);
      writeFileSync(fd, content.fill(0));
      const memory = mapSharedMemory(fd, FILE_BYTES);
      this.#bytes = new Uint8Array(memory);
      this.#numbers = new Float64Array(memory);
    } finally {
      closeSync(fd);
    }
  }

  /** What the earlier process was master of by that name when it ended; null: nothing. */
  left(name: string): Mastership | null {
    return this.#left.get(recordName(name)) ?? null;
  }

  /** The record of an instance; one that a reload has ended and begun again keeps its own. */
  record(name: string): MastershipRecord {
    const index = this.#places.get(name) ?? this.#places.size;
    if (index >= RECORDS_MAX)
      return { note: () => {}, every: () => {}, live: () => {}, forget: () => {} };
    this.#places.set(name, index);
    this.#bytes.set(shortened(name), index * RECORD_BYTES + NAME_OFFSET);
    const first = index * NUMBERS;
    const numbers = this.#numbers;
    return {
      note(shownAt, rank) {
        assert(Number.isInteger(rank) && rank >= 1 && rank <= 255, 'a master has a rank');
        assert(shownAt > 0, 'a sign of life has a time');
        numbers[first] = shownAt;
        numbers[first + 1] = rank;
        numbers[first + 2] = shownAt;
      },
      every(everyMs) {
        assert(everyMs > 0, 'signs of life have an interval');
        numbers[first + 3] = everyMs;
      },
      live(aliveAt) {
        numbers[first + 2] = aliveAt;
      },
      forget() {
        numbers[first + 1] = 0;
      },
    };
  }
}

/** What a process that is gone was master of when it ended, by instance; nothing where no file is left. */
export function readMastership(path: string): ReadonlyMap<string, WatchedMastership> {
  return existsSync(path) ? decode(readFileSync(path).subarray(0, FILE_BYTES)) : new Map();
}

/** For a look at it again and again, while the process lives that writes it. Not mapped: that one may cut it off. */
export class MastershipReader {
  readonly #fd: number;
  readonly #content = Buffer.alloc(FILE_BYTES);

  /** Throws Error. The owner closes it. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  /** What the process is master of now, by instance. */
  read(): ReadonlyMap<string, WatchedMastership> {
    const length = readSync(this.#fd, this.#content, 0, FILE_BYTES, 0);
    return decode(this.#content.subarray(0, length));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** By what an instance is found among what was read here. */
export function recordName(name: string): string {
  return shortened(name).toString();
}

function shortened(name: string): Buffer {
  return Buffer.from(name).subarray(0, NAME_BYTES);
}

function decode(content: Buffer): ReadonlyMap<string, WatchedMastership> {
  const left = new Map<string, WatchedMastership>();
  for (let at = 0; at + RECORD_BYTES <= content.length; at += RECORD_BYTES) {
    const shownAt = content.readDoubleLE(at);
    const rank = content.readDoubleLE(at + 8);
    const aliveAt = content.readDoubleLE(at + 16);
    const everyMs = content.readDoubleLE(at + 24);
    const name = content
      .toString('utf8', at + NAME_OFFSET, at + RECORD_BYTES)
      .replace(/\0.*$/s, '');
    if (name === '') break;
    const isRank = Number.isInteger(rank) && rank >= 1 && rank <= 255;
    if (!isRank || !(shownAt > 0)) continue;
    left.set(name, { shownAt, rank, aliveAt, ...(everyMs > 0 ? { everyMs } : {}) });
  }
  return left;
}
