/**
 * The guardian's end of the stream to one balancer, or checker: lines of JSON over a socketpair of our own, because Node's
 * IPC channel reads lines without a bound, and descriptors with them. Every message is held against the table
 * (contracts/protocol-table.ts), every line and queue has a bound, and a flood is read no faster than it is dealt
 * with: the rest of it waits in the kernel and then at the sender.
 */

import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { GUARDIAN_FD } from '../../contracts/protocol.ts';
import { LineReader } from '../../core/line-reader.ts';
import type { Result } from '../../core/result.ts';

/** What is read of one balancer within a span: far above what one has to say, far below what we can do. */
const SPAN_MS = 20;
const SPAN_BYTES = 512 << 10;
const SPAN_MESSAGES = 500;

/**
 * What may wait for a balancer to read, beside the longest message it was ever sent: the configuration, which it
 * gets while it starts.
 */
const QUEUE_BYTES_MAX = 1 << 20;

export type ChannelEvents<Said> = {
  message(message: Said): void;
  /** It said what it must not, or reads nothing; told once, and no message follows. */
  breach(why: string): void;
};

export class ChildChannel<Said, Told> {
  /** Resolves when it is closed, by whichever side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #events: ChannelEvents<Said>;
  readonly #parse: (line: string) => Result<Said>;
  readonly #lines: LineReader;
  #longestSent = 0;
  #bytesLeft = SPAN_BYTES;
  #messagesLeft = SPAN_MESSAGES;
  #span: NodeJS.Timeout | null = null;
  #ending = false;

  /** `lineBytesMax`: of one message of the child's; `parse` holds one against the table. */
  constructor(
    socket: Socket,
    lineBytesMax: number,
    parse: (line: string) => Result<Said>,
    events: ChannelEvents<Said>,
  ) {
    this.#parse = parse;
    this.#socket = socket;
    this.#events = events;
    this.#lines = new LineReader(lineBytesMax);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    // It says nothing after its end, and is told nothing.
    socket.once('end', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Never waits; what cannot be sent any more is dropped. */
  send(message: Told): void {
    if (this.#socket.destroyed) return;
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    this.#longestSent = Math.max(this.#longestSent, line.length);
    if (this.#socket.writableLength + line.length > QUEUE_BYTES_MAX + this.#longestSent) {
      this.#breach('it does not read what it is told');
      return;
    }
    this.#socket.write(line);
  }

  /** Its messages may be longer from now on. */
  allow(lineBytesMax: number): void {
    this.#lines.allow(lineBytesMax);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** The process has ended: what it said last is read without a rest, and that is no more than the kernel holds. */
  finish(): void {
    this.#ending = true;
    this.#socket.resume();
  }

  close(): void {
    if (this.#span !== null) clearTimeout(this.#span);
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const lines = this.#lines.read(chunk);
    if (lines === null) {
      this.#breach('it said more in one message than all of its servers are worth');
      return;
    }
    for (const line of lines) {
      if (this.#socket.destroyed) return;
      const message = this.#parse(line);
      if (!message.ok) {
        this.#breach(message.reason);
        return;
      }
      this.#events.message(message.value);
    }
    this.#spend(chunk.length, lines.length);
  }

  #spend(bytes: number, messages: number): void {
    this.#bytesLeft -= bytes;
    this.#messagesLeft -= messages;
    this.#span ??= setTimeout(() => {
      this.#span = null;
      this.#bytesLeft = SPAN_BYTES;
      this.#messagesLeft = SPAN_MESSAGES;
      this.#socket.resume();
    }, SPAN_MS);
    const spent = this.#bytesLeft <= 0 || this.#messagesLeft <= 0;
    if (spent && !this.#ending) this.#socket.pause();
  }

  #breach(why: string): void {
    if (this.#socket.destroyed) return;
    this.close();
    this.#events.breach(why);
  }
}

/** Our end of the socketpair that is descriptor GUARDIAN_FD there; a closed one where there was none to be had. */
export function channelOf(child: ChildProcess): Socket {
  // Node leaves a child without streams when there are no descriptors left, and tells so by 'error'.
  const streams: readonly unknown[] = child.stdio ?? [];
  const socket = streams[GUARDIAN_FD];
  return socket instanceof Socket ? socket : new Socket().destroy();
}
