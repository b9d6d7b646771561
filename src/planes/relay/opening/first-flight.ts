/**
 * What a client says before any server has answered, kept so that it can be said to another server, too.
 * It lies in a slot of the buffer pool, as bytes that a receiver did not take do later on:
 * SocketTable.slot is the slot, slotStart how much it holds.
 */

import { receive } from '../../../linux/stream-calls.ts';
import type { RelayContext } from '../relay-context.ts';
import { releaseSlot } from '../transfer/held-bytes.ts';
import { sendTo } from '../transfer/sending.ts';
import { BUFFER_BYTES } from '../transfer/transfer-buffers.ts';
import { HelloReader, type HelloVerdict } from './hello-reader.ts';

/** Flights of one relay at once: 16 MiB. A session beyond that has no second server. */
const FLIGHTS_MAX = 1024;

export class FirstFlights {
  readonly #context: Pick<RelayContext, 'table' | 'buffers'>;
  readonly #reader = new HelloReader();

  constructor(context: Pick<RelayContext, 'table' | 'buffers'>) {
    this.#context = context;
  }

  /** Whether a session that has no flight yet may begin one. */
  hasRoom(): boolean {
    return this.#context.buffers.used < FLIGHTS_MAX;
  }

  /** Bytes kept. */
  length(session: number): number {
    return (this.#context.table.slot[session] ?? 0) === 0
      ? 0
      : (this.#context.table.slotStart[session] ?? 0);
  }

  isFull(session: number): boolean {
    return this.length(session) === BUFFER_BYTES;
  }

  /** Whether it is a TLS hello and nothing else. */
  verdict(session: number): HelloVerdict {
    const length = this.length(session);
    if (length === 0) return 'partial';
    const slot = (this.#context.table.slot[session] ?? 0) - 1;
    const { slab, start } = this.#context.buffers.place(slot);
    return this.#reader.judge(slab, start, start + length);
  }

  /** Reads more from the client, which must not be full: bytes read, 0 at its end, or a negated errno. */
  read(session: number): number {
    const { table, buffers } = this.#context;
    if ((table.slot[session] ?? 0) === 0) {
      table.slot[session] = buffers.acquire() + 1;
      table.slotStart[session] = 0;
    }
    const length = table.slotStart[session] ?? 0;
    const start = buffers.address((table.slot[session] ?? 0) - 1) + length;
    const count = receive(session, start, BUFFER_BYTES - length);
    if (count > 0) table.slotStart[session] = length + count;
    else if (length === 0) releaseSlot(this.#context, session);
    return count;
  }

  /** Sends a server what it lacks, from byte `from` on: where it is now, or a negated errno. */
  send(session: number, server: number, from: number): number {
    const length = this.length(session);
    if (from === length) return length;
    const start =
      this.#context.buffers.address((this.#context.table.slot[session] ?? 0) - 1) + from;
    const count = sendTo(this.#context.table, server, start, length - from, false);
    return count < 0 ? count : from + count;
  }

  /** The end of the flight: what the server lacks, from byte `from` on, becomes what the mover holds. */
  handOver(session: number, from: number): void {
    const { table } = this.#context;
    const length = this.length(session);
    if (from >= length) {
      releaseSlot(this.#context, session);
      return;
    }
    table.slotStart[session] = from;
    table.held[session] = length - from;
  }
}
