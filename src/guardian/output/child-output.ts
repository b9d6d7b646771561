/**
 * What a child writes to one of its standard streams: it gets a pipe of its own, and its lines are passed
 * on as they are. A child can neither be ended nor be stopped by whoever reads ours: while there is no
 * room its pipe fills, and then it loses lines, which it counts itself.
 */

import { Socket } from 'node:net';
import { SystemError } from '../../linux/errno.ts';
import { closeFd } from '../../linux/files.ts';
import { openPipe } from '../../linux/stream-calls.ts';
import type { StreamWriter } from './stream-writer.ts';

/** Some thousand lines: a busy relay may log so many before we come to read them. */
const PIPE_BYTES = 1 << 20;

/** From one read to the next: a line for each connection must not wake us thousands of times a second. */
const REST_MS = 10;

/** Whole lines are passed on in pieces of this size, one write each. */
const PIECE_BYTES = 4096;

/** A line without an end is cut here. */
const LINE_BYTES_MAX = 64 << 10;

const NEWLINE = 0x0a;

export class ChildOutput {
  /** For the child; closed by opened(). */
  readonly fd: number;
  /** Resolves when the child, and whoever got the stream from it, has closed it and all is passed on. */
  readonly ended: Promise<unknown>;
  readonly #writer: StreamWriter;
  readonly #socket: Socket;
  #tail: Buffer = Buffer.alloc(0);

  /** Throws SystemError when there is no descriptor left. */
  constructor(writer: StreamWriter) {
    this.#writer = writer;
    const { error, ends } = openPipe(PIPE_BYTES);
    if (error !== 0) throw new SystemError('pipe2', error);
    const [near = -1, far = -1] = ends;
    this.fd = far;
    // Without a reserve, of which it would fill every byte as it comes while it is paused.
    const options = { fd: near, readable: true, writable: false, readableHighWaterMark: 1 };
    this.#socket = new Socket(options);
    this.#socket.on('data', (chunk: Buffer) => this.#pass(chunk));
    this.#socket.on('end', () => this.#cut());
    this.#socket.on('error', () => {});
    this.ended = new Promise((resolve) => this.#socket.once('close', resolve));
  }

  /** The child has it. */
  opened(): void {
    closeFd(this.fd);
  }

  #pass(chunk: Buffer): void {
    let bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    for (;;) {
      const end = endOfPiece(bytes);
      if (end === 0) break;
      const piece = bytes.subarray(0, end);
      this.#writer.write(piece, countLines(piece));
      bytes = bytes.subarray(end);
    }
    this.#tail = bytes;
    if (bytes.length >= LINE_BYTES_MAX) this.#cut();
    this.#socket.pause();
    setTimeout(() => this.#goOn(), REST_MS);
  }

  #goOn(): void {
    if (this.#writer.isCrowded) this.#writer.whenRoomy(() => this.#socket.resume());
    else this.#socket.resume();
  }

  #cut(): void {
    if (this.#tail.length > 0) this.#writer.write(`${this.#tail}\n`);
    this.#tail = Buffer.alloc(0);
  }
}

/** As many whole lines as a piece holds, or one that is longer; 0: there is none. */
function endOfPiece(bytes: Buffer): number {
  const end = bytes.lastIndexOf(NEWLINE, PIECE_BYTES - 1) + 1;
  return end > 0 ? end : bytes.indexOf(NEWLINE) + 1;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
