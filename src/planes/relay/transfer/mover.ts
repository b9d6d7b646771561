/**
 * Moves bytes from one socket of a session to the other, until the source is dry, the receiver is full
 * or the turn's share is used up.
 *
 * Sockets are registered edge-triggered once, so what the kernel said stays true in READABLE and
 * WRITABLE until a call proves otherwise: a read shorter than asked (nothing more to come until the next
 * event) or EAGAIN. A direction holds at most one buffer slot or one pipe: with it full its source is
 * not read, and TCP's own window tells the sender to wait.
 */

import { assert } from '../../../core/assert.ts';
import { EAGAIN } from '../../../linux/errno.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import {
  finishWriting,
  receive,
  spliceIn,
  spliceOut,
  uncork,
} from '../../../linux/stream-calls.ts';
import type { RelayContext } from '../relay-context.ts';
import {
  CORKED,
  ENDED,
  FIN_WAITS,
  FINISHED,
  HUNG_UP,
  READABLE,
  SPLICING,
  WRITABLE,
} from '../sessions/socket-table.ts';
import { releaseSlot } from './held-bytes.ts';
import { beforeSending, sendTo } from './sending.ts';
import { BUFFER_BYTES, PIPE_BYTES } from './transfer-buffers.ts';

/** Nothing to do before the next event. */
export const IDLE = 0;
/** The share is used up, more is there: come back after the others. */
export const MORE = 1;
/** Both directions have ended: the session is over. */
export const COMPLETE = 2;
/** Reading from the source failed: its connection is gone. */
export const SOURCE_LOST = 3;
/** Writing to the receiver failed: its connection is gone. */
const RECEIVER_LOST = 4;
export type MoveResult = 0 | 1 | 2 | 3 | 4;

// One step of a direction; internal.
const PROCEED = 5;
type StepResult = MoveResult | 5;

/** Reads of one direction per turn of the loop. */
const STEPS_MAX = 4;
/** A splice that brought less than this was no stream: back to the buffer. */
const SPLICE_WORTH_BYTES = 4096;

/** Who keeps the books. */
export interface MoverOwner {
  /** Bytes were read from `source`. */
  moved(source: number, bytes: number, spliced: boolean): void;
  /** Our FIN went to `receiver`, whose own direction may go on. */
  halfClosed(receiver: number): void;
}

type MoverContext = Pick<RelayContext, 'table' | 'buffers' | 'pipes' | 'clock'>;

export class Mover {
  readonly #context: MoverContext;
  readonly #owner: MoverOwner;
  readonly #shared = pinnedBuffer(BUFFER_BYTES);
  readonly #sharedAddress = addressOf(this.#shared);

  constructor(context: MoverContext, owner: MoverOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  /** Both sockets must be open and the server connected. */
  move(source: number): MoveResult {
    const { table } = this.#context;
    const receiver = table.peer[source] ?? 0;
    for (let step = 0; step < STEPS_MAX; step++) {
      if ((table.held[source] ?? 0) > 0) {
        const result = this.#flush(source, receiver);
        if (result !== PROCEED) return result;
        // What is still held comes before anything new.
        continue;
      }
      const flags = table.flags[source] ?? 0;
      if ((flags & ENDED) !== 0) return this.#finish(receiver);
      if ((flags & READABLE) === 0) return IDLE;
      const result =
        (flags & SPLICING) === 0 ? this.#copy(source, receiver) : this.#splice(source, receiver);
      if (result !== PROCEED) return result;
    }
    return MORE;
  }

  #copy(source: number, receiver: number): StepResult {
    const { table } = this.#context;
    assert(table.held[source] === 0, 'a direction reads only when it holds nothing');
    const count = receive(source, this.#sharedAddress, BUFFER_BYTES);
    if (count <= 0) return this.#sourceStopped(source, count);
    const flags = table.flags[source] ?? 0;
    const short = count < BUFFER_BYTES;
    const last = short && (flags & FIN_WAITS) !== 0;
    const drained = short && (flags & HUNG_UP) === 0;
    if (!short) table.flags[source] = flags | SPLICING;
    else if (last) table.flags[source] = (flags | ENDED) & ~READABLE;
    else if (drained) table.flags[source] = flags & ~READABLE;
    table.activeAt[source] = this.#context.clock.now;
    this.#owner.moved(source, count, false);
    const sent = this.#give(receiver, this.#sharedAddress, count, last);
    if (sent < 0) return RECEIVER_LOST;
    if (sent === count) return drained ? IDLE : PROCEED;
    this.#keep(source, sent, count);
    return IDLE;
  }

  /** Bytes the receiver took; 0 when it is full, -1 when it is gone. `last`: its end is to follow. */
  #give(receiver: number, start: number, bytes: number, last: boolean): number {
    const { table } = this.#context;
    if (((table.flags[receiver] ?? 0) & WRITABLE) === 0) return 0;
    const sent = sendTo(table, receiver, start, bytes, last);
    if (sent < 0 && sent !== -EAGAIN) return -1;
    if (sent > 0) table.activeAt[receiver] = this.#context.clock.now;
    if (sent === bytes) return sent;
    table.flags[receiver] = (table.flags[receiver] ?? 0) & ~WRITABLE;
    return Math.max(sent, 0);
  }

  /** Puts the rest of the shared buffer aside until the receiver takes it. */
  #keep(source: number, from: number, to: number): void {
    const { table } = this.#context;
    const slot = this.#context.buffers.acquire();
    this.#context.buffers.fill(slot, this.#shared, from, to);
    table.slot[source] = slot + 1;
    table.slotStart[source] = 0;
    table.held[source] = to - from;
  }

  #flush(source: number, receiver: number): StepResult {
    if (((this.#context.table.flags[receiver] ?? 0) & WRITABLE) === 0) return IDLE;
    return (this.#context.table.slot[source] ?? 0) !== 0
      ? this.#flushSlot(source, receiver)
      : this.#flushPipe(source, receiver, false);
  }

  #flushSlot(source: number, receiver: number): StepResult {
    const { table } = this.#context;
    const start = table.slotStart[source] ?? 0;
    const held = table.held[source] ?? 0;
    const address = this.#context.buffers.address((table.slot[source] ?? 0) - 1) + start;
    const last = ((table.flags[source] ?? 0) & ENDED) !== 0;
    const sent = this.#give(receiver, address, held, last);
    if (sent < 0) return RECEIVER_LOST;
    table.slotStart[source] = start + sent;
    table.held[source] = held - sent;
    if (sent < held) return IDLE;
    releaseSlot(this.#context, source);
    return PROCEED;
  }

  #splice(source: number, receiver: number): StepResult {
    const { table } = this.#context;
    // A pipe given back with bytes in it would hand them to another client.
    assert(table.held[source] === 0, 'a direction reads only when it holds nothing');
    if ((table.pipe[source] ?? 0) === 0) {
      const pipe = this.#context.pipes.acquire();
      if (pipe === -1) {
        table.flags[source] = (table.flags[source] ?? 0) & ~SPLICING;
        return this.#copy(source, receiver);
      }
      table.pipe[source] = pipe + 1;
    }
    const count = spliceIn(
      source,
      this.#context.pipes.writeEnd((table.pipe[source] ?? 0) - 1),
      PIPE_BYTES,
    );
    if (count <= 0) {
      this.#context.pipes.release((table.pipe[source] ?? 0) - 1);
      table.pipe[source] = 0;
      this.#push(receiver);
      return this.#sourceStopped(source, count);
    }
    if (count < SPLICE_WORTH_BYTES) table.flags[source] = (table.flags[source] ?? 0) & ~SPLICING;
    table.activeAt[source] = this.#context.clock.now;
    table.held[source] = count;
    this.#owner.moved(source, count, true);
    return this.#flushPipe(source, receiver, count >= BUFFER_BYTES);
  }

  /** `more`: a stream is running, so a partial last segment may wait for the next bytes. */
  #flushPipe(source: number, receiver: number, more: boolean): StepResult {
    const { table } = this.#context;
    if (((table.flags[receiver] ?? 0) & WRITABLE) === 0) return IDLE;
    beforeSending(table, receiver);
    const flags = table.flags[receiver] ?? 0;
    const held = table.held[source] ?? 0;
    const pipe = (table.pipe[source] ?? 0) - 1;
    const sent = spliceOut(this.#context.pipes.readEnd(pipe), receiver, held, more);
    if (sent < 0) {
      if (sent !== -EAGAIN) return RECEIVER_LOST;
      table.flags[receiver] = flags & ~WRITABLE;
      return IDLE;
    }
    table.activeAt[receiver] = this.#context.clock.now;
    table.flags[receiver] = more ? flags | CORKED : flags & ~CORKED;
    table.held[source] = held - sent;
    // A short splice does not prove the receiver full: the pipe may have been cut by its segments.
    if (sent < held) return PROCEED;
    if (((table.flags[source] ?? 0) & SPLICING) === 0) {
      this.#context.pipes.release(pipe);
      table.pipe[source] = 0;
    }
    return PROCEED;
  }

  /** Sends what SPLICE_F_MORE held back, now that nothing follows. */
  #push(receiver: number): void {
    const flags = this.#context.table.flags[receiver] ?? 0;
    if ((flags & CORKED) === 0) return;
    uncork(receiver);
    this.#context.table.flags[receiver] = flags & ~CORKED;
  }

  /** `result` of a read that brought no bytes: 0 is the end, -EAGAIN a pause, all else a loss. */
  #sourceStopped(source: number, result: number): StepResult {
    const { table } = this.#context;
    const flags = table.flags[source] ?? 0;
    if (result === 0) {
      table.flags[source] = (flags | ENDED) & ~READABLE;
      return PROCEED;
    }
    if (result !== -EAGAIN) return SOURCE_LOST;
    table.flags[source] = flags & ~READABLE;
    return IDLE;
  }

  /** The source has ended and all its bytes are given: passes the end on. */
  #finish(receiver: number): MoveResult {
    const { table } = this.#context;
    const flags = table.flags[receiver] ?? 0;
    const back = (flags & ENDED) !== 0 && (table.held[receiver] ?? 0) === 0;
    // Closing sends the FIN as well, so the last shutdown of a session is saved.
    if (back) return COMPLETE;
    if ((flags & FINISHED) === 0) {
      finishWriting(receiver);
      table.flags[receiver] = flags | FINISHED;
      this.#owner.halfClosed(receiver);
    }
    return IDLE;
  }
}
