/**
 * What a direction borrows while its receiver is slower than its sender: a buffer slot for the rest of
 * one read, or a pipe for bytes on their way through the kernel.
 */

import { assert } from '../../../core/assert.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { closeStream, openPipe } from '../../../linux/stream-calls.ts';

/** Bytes of one read; a read that fills it switches its direction to splice. */
export const BUFFER_BYTES = 16_384;

const SLOTS_PER_SLAB = 64;

/**
 * Slots of BUFFER_BYTES each, in slabs that are added when needed and kept. At most one slot per socket
 * is ever in use, so the sockets bound the memory.
 */
export class BufferPool {
  readonly #slabs: Buffer[] = [];
  readonly #addresses: number[] = [];
  readonly #free: number[] = [];

  /** Slots that are out. */
  get used(): number {
    return this.#slabs.length * SLOTS_PER_SLAB - this.#free.length;
  }

  /** A slot's number, from 0; give it back with release(). */
  acquire(): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    const first = this.#slabs.length * SLOTS_PER_SLAB;
    const slab = pinnedBuffer(SLOTS_PER_SLAB * BUFFER_BYTES);
    this.#slabs.push(slab);
    this.#addresses.push(addressOf(slab));
    for (let next = first + SLOTS_PER_SLAB - 1; next > first; next--) this.#free.push(next);
    return first;
  }

  release(slot: number): void {
    this.#free.push(slot);
  }

  /** Memory address of the slot's first byte. */
  address(slot: number): number {
    const slab = this.#addresses[Math.floor(slot / SLOTS_PER_SLAB)] ?? 0;
    return slab + (slot % SLOTS_PER_SLAB) * BUFFER_BYTES;
  }

  /** Where the slot's bytes begin. */
  place(slot: number): { readonly slab: Buffer; readonly start: number } {
    const slab = this.#slabs[Math.floor(slot / SLOTS_PER_SLAB)];
    assert(slab !== undefined, 'a slot lies within a slab');
    return { slab, start: (slot % SLOTS_PER_SLAB) * BUFFER_BYTES };
  }

  /** Copies source[from..to) to the slot's beginning. */
  fill(slot: number, source: Buffer, from: number, to: number): void {
    const { slab, start } = this.place(slot);
    source.copy(slab, start, from, to);
  }
}

/**
 * Asked of the kernel for each pipe; one splice moves at most this much. With 64 KiB, the kernel's
 * default, a streamed byte costs 1.7 times as much.
 */
export const PIPE_BYTES = 262_144;

/** Pipes, opened when needed, at most `limit`, and kept until closeAll(). */
export class PipePool {
  readonly #limit: number;
  readonly #readEnds: number[] = [];
  readonly #writeEnds: number[] = [];
  readonly #free: number[] = [];
  // Numbers whose pipe was closed.
  readonly #vacant: number[] = [];
  #opened = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** An empty pipe's number, from 0; -1: none left, or no descriptors for one. */
  acquire(): number {
    const pipe = this.#free.pop();
    if (pipe !== undefined) return pipe;
    if (this.#vacant.length === 0 && this.#opened >= this.#limit) return -1;
    const { error, ends } = openPipe(PIPE_BYTES);
    if (error !== 0) return -1;
    const number = this.#vacant.pop() ?? this.#opened++;
    this.#readEnds[number] = ends[0] ?? -1;
    this.#writeEnds[number] = ends[1] ?? -1;
    return number;
  }

  /** Takes an emptied pipe back. */
  release(pipe: number): void {
    this.#free.push(pipe);
  }

  /** Takes back a pipe with bytes in it that nobody wants any more: they go with its descriptors. */
  discard(pipe: number): void {
    closeStream(this.readEnd(pipe));
    closeStream(this.writeEnd(pipe));
    this.#vacant.push(pipe);
  }

  readEnd(pipe: number): number {
    return this.#readEnds[pipe] ?? -1;
  }

  writeEnd(pipe: number): number {
    return this.#writeEnds[pipe] ?? -1;
  }

  closeAll(): void {
    for (let pipe = 0; pipe < this.#opened; pipe++) {
      if (this.#vacant.includes(pipe)) continue;
      closeStream(this.readEnd(pipe));
      closeStream(this.writeEnd(pipe));
    }
    this.#opened = 0;
    this.#free.length = 0;
    this.#vacant.length = 0;
  }
}
