/**
 * Waiting for many descriptors: epoll(7), edge-triggered where asked, and eventfd(2) to wake the waiter
 * from another thread. Allocation-free per event.
 *
 * The 64 bits of user data carry the descriptor and a generation, so that an event fetched before its
 * descriptor was closed and reused can be told from one for the new owner.
 */

import { EINTR, SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { addressOf, bind, errno, pinnedBuffer } from './libc.ts';

const epollCreate = bind<[number]>('int', 'epoll_create1', ['int']);
const epollControl = bind<[number, number, number, number]>('int', 'epoll_ctl', [
  'int',
  'int',
  'int',
  'int64_t',
]);
const epollWait = bind<[number, number, number, number]>('int', 'epoll_wait', [
  'int',
  'int64_t',
  'int',
  'int',
]);
const eventfd = bind<[number, number]>('int', 'eventfd', ['uint32_t', 'int']);
const readCall = bind<[number, number, number]>('int64_t', 'read', ['int', 'int64_t', 'size_t']);
const writeCall = bind<[number, number, number]>('int64_t', 'write', ['int', 'int64_t', 'size_t']);

export const EPOLLIN = 1;
export const EPOLLPRI = 2;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;
/** Bit 31: negative as a signed 32-bit number, which is how it is written. */
export const EPOLLET = 1 << 31;

const EPOLL_CLOEXEC = 0o2000000;
const EFD_FLAGS = 0o2000000 | 0o4000;
const CONTROL_ADD = 1;
const CONTROL_DELETE = 2;

// struct epoll_event is packed on x86-64 only; elsewhere 4 bytes of padding follow `events`.
const PACKED = process.arch === 'x64';
const EVENT_WORDS = PACKED ? 3 : 4;
const DATA_WORD = PACKED ? 1 : 2;

/** One epoll instance with its result buffer; used by one thread. */
export class EventQueue {
  readonly #epoll: number;
  readonly #capacity: number;
  readonly #control: Int32Array;
  readonly #controlAddress: number;
  readonly #events: Int32Array;
  readonly #eventsAddress: number;

  /** `capacity`: events taken at most per wait. */
  constructor(capacity: number) {
    this.#epoll = epollCreate(EPOLL_CLOEXEC);
    if (this.#epoll === -1) throw new SystemError('epoll_create1', errno());
    this.#capacity = capacity;
    const control = pinnedBuffer(4096);
    this.#control = new Int32Array(control.buffer, control.byteOffset, EVENT_WORDS);
    this.#controlAddress = addressOf(control);
    const events = pinnedBuffer(Math.max(4096, capacity * EVENT_WORDS * 4));
    this.#events = new Int32Array(events.buffer, events.byteOffset, capacity * EVENT_WORDS);
    this.#eventsAddress = addressOf(events);
  }

  /** Returns false when the kernel refuses (ENOMEM, ENOSPC: max_user_watches). */
  add(fd: number, generation: number, events: number): boolean {
    this.#control[0] = events;
    this.#control[DATA_WORD] = fd;
    this.#control[DATA_WORD + 1] = generation;
    return epollControl(this.#epoll, CONTROL_ADD, fd, this.#controlAddress) === 0;
  }

  /** A closed descriptor leaves by itself; this is for those that stay open. */
  remove(fd: number): void {
    epollControl(this.#epoll, CONTROL_DELETE, fd, this.#controlAddress);
  }

  /** Number of events fetched, 0 after `timeoutMs` or a signal. Throws on a programmer's error. */
  wait(timeoutMs: number): number {
    const count = epollWait(this.#epoll, this.#eventsAddress, this.#capacity, timeoutMs);
    if (count >= 0) return count;
    const error = errno();
    if (error === EINTR) return 0;
    throw new SystemError('epoll_wait', error);
  }

  eventsAt(index: number): number {
    return this.#events[index * EVENT_WORDS] ?? 0;
  }

  fdAt(index: number): number {
    return this.#events[index * EVENT_WORDS + DATA_WORD] ?? 0;
  }

  generationAt(index: number): number {
    return this.#events[index * EVENT_WORDS + DATA_WORD + 1] ?? 0;
  }

  close(): void {
    closeFd(this.#epoll);
  }
}

/** An eventfd, non-blocking and close-on-exec; the caller owns it. */
export function openWakeup(): number {
  const fd = eventfd(0, EFD_FLAGS);
  if (fd === -1) throw new SystemError('eventfd', errno());
  return fd;
}

const one = pinnedBuffer(4096);
one.writeBigUInt64LE(1n);
const oneAddress = addressOf(one);
const sink = pinnedBuffer(4096);
const sinkAddress = addressOf(sink);

/** Makes the eventfd readable; callable from any thread. */
export function wake(fd: number): void {
  writeCall(fd, oneAddress, 8);
}

/** Takes the wake-up back, so that the next one is seen; returns whether there was one. */
export function clearWakeup(fd: number): boolean {
  return readCall(fd, sinkAddress, 8) > 0;
}
