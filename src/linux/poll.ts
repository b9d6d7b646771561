/** Waiting for few descriptors with a timeout finer than a millisecond: ppoll(2). Without allocation. */

import { assert } from '../core/assert.ts';
import { EINTR, SystemError } from './errno.ts';
import { addressOf, bind, errno, pinnedBuffer } from './libc.ts';

const ppoll = bind<[number, number, number, number]>('int', 'ppoll', [
  'int64_t',
  'uint64_t',
  'int64_t',
  'int64_t',
]);

const POLLIN = 1;
/** struct pollfd: int fd, short events, short revents. */
const POLLFD_BYTES = 8;

/** A list of descriptors to read from; used by one thread, which keeps owning them. */
export class PollSet {
  readonly #capacity: number;
  readonly #entries: Int32Array;
  readonly #entriesAddress: number;
  readonly #timeoutWords: Uint32Array;
  readonly #timeoutAddress: number;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    const entries = pinnedBuffer(Math.max(4096, capacity * POLLFD_BYTES));
    this.#entries = new Int32Array(entries.buffer, entries.byteOffset, capacity * 2);
    this.#entriesAddress = addressOf(entries);
    const timeout = pinnedBuffer(4096);
    this.#timeoutWords = new Uint32Array(timeout.buffer, timeout.byteOffset, 4);
    this.#timeoutAddress = addressOf(timeout);
  }

  clear(): void {
    this.#count = 0;
  }

  add(fd: number): void {
    assert(this.#count < this.#capacity, 'the poll set has room');
    this.#entries[this.#count * 2] = fd;
    this.#entries[this.#count * 2 + 1] = POLLIN;
    this.#count += 1;
  }

  /**
   * Waits until something is readable or has failed, a signal came, or `timeoutMs` (fractions count) are
   * over. Callers then try all their descriptors: they are few, and none of them blocks.
   */
  wait(timeoutMs: number): void {
    const bounded = Math.max(0, timeoutMs);
    const seconds = Math.floor(bounded / 1000);
    this.#timeoutWords[0] = seconds;
    this.#timeoutWords[2] = Math.min(999_999_999, Math.ceil((bounded - seconds * 1000) * 1e6));
    if (ppoll(this.#entriesAddress, this.#count, this.#timeoutAddress, 0) >= 0) return;
    const error = errno();
    if (error !== EINTR) throw new SystemError('ppoll', error);
  }
}
