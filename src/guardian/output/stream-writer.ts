/**
 * Writes lines to a descriptor that somebody else has opened: a terminal, a pipe, the journal, a file.
 * Whatever becomes of it, write() returns at once and throws nothing (docs/adr/0014).
 *
 * Each write(2) is made by a thread of libuv's pool, one at a time: only that thread waits when nobody
 * reads. What cannot be written is tried again, and what meanwhile found no room is counted and said.
 */

import { write } from 'node:fs';
import { escapeControls } from '../../core/controls.ts';
import { EAGAIN, errorName, errorText } from '../../linux/errno.ts';
import { LineQueue } from './line-queue.ts';

/** PIPE_BUF: a pipe takes so much in one piece, or nothing; lines of several processes stay whole (pipe(7)). */
const WRITE_BYTES_MAX = 4096;

/** From a failed write to the next; doubled for each in a row. */
const RETRY_MS = 10;
const RETRY_MS_MAX = 500;

const NEWLINE = 0x0a;
const TAB = 0x09;

/** How lines that were lost are told of, e.g. "17 log lines were lost: ..." as a line of the log. */
export type LossReport = (lost: number, why: string) => string;

export class StreamWriter {
  readonly #fd: number;
  readonly #report: LossReport;
  readonly #queue = new LineQueue();
  /** Off the queue, and not written yet. */
  #rest: Uint8Array | null = null;
  #writing = false;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = RETRY_MS;
  /** Of the last write; null: it went well, or has not returned. */
  #failure: string | null = null;
  #lossReason = '';
  #flushed: (() => void) | null = null;
  #whenRoomy: (() => void)[] = [];

  constructor(fd: number, report: LossReport) {
    this.#fd = fd;
    this.#report = report;
  }

  /** A thread of the pool is inside write(2), perhaps for ever. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** So much waits that others should hold theirs back. */
  get isCrowded(): boolean {
    return this.#queue.isCrowded;
  }

  /** Calls back, once, when it is not crowded any more. */
  whenRoomy(callback: () => void): void {
    this.#whenRoomy.push(callback);
  }

  /**
   * Whole lines, `lines` of them, with their ends. Every line of the log comes through here, whoever it is from:
   * control characters, which a terminal would act on, are written as what they are.
   */
  write(text: string | Uint8Array, lines = 1): void {
    const lost = this.#queue.lost;
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#queue.push(isPlain(bytes) ? bytes : escaped(bytes), lines);
    if (this.#queue.lost > lost) this.#lossReason = this.#failure ?? 'they were not read in time';
    this.#next();
  }

  /** Resolves when all is written, when it cannot be, and in any case after `limitMs`. */
  flush(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#flushed = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#tryNow();
    });
  }

  #tryNow(): void {
    clearTimeout(this.#retry ?? undefined);
    this.#retry = null;
    this.#next();
  }

  #next(): void {
    if (this.#writing || this.#retry !== null) return;
    this.#rest ??= this.#take();
    const bytes = this.#rest;
    if (bytes === null) {
      this.#flushed?.();
      return;
    }
    this.#writing = true;
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      this.#writing = false;
      if (error === null) this.#onWritten(bytes, written);
      else this.#onFailed(-(error.errno ?? 0));
    });
  }

  /** Says what is missing where it is missing. */
  #take(): Uint8Array | null {
    const lost = this.#queue.takeLost();
    if (lost > 0) return Buffer.from(this.#report(lost, this.#lossReason));
    return this.#queue.take(WRITE_BYTES_MAX);
  }

  #onWritten(bytes: Uint8Array, written: number): void {
    this.#failure = null;
    this.#retryMs = RETRY_MS;
    this.#rest = written < bytes.length ? bytes.subarray(written) : null;
    this.#next();
    if (this.isCrowded) return;
    for (const callback of this.#whenRoomy.splice(0)) callback();
  }

  #onFailed(errno: number): void {
    // It is full, and somebody has made it non-blocking: its reader may still come.
    const isFull = errno === EAGAIN;
    this.#failure = isFull ? null : `${errorText(errno)} (${errorName(errno)})`;
    this.#retry = setTimeout(() => this.#tryNow(), this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    if (!isFull) this.#flushed?.();
  }
}

/** Printable ASCII in lines, which needs no second look. */
function isPlain(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte >= 0x7f || (byte < 0x20 && byte !== NEWLINE && byte !== TAB)) return false;
  }
  return true;
}

/** Bytes that are no UTF-8 are replaced: alone, some are control characters, too. */
function escaped(bytes: Uint8Array): Uint8Array {
  return Buffer.from(escapeControls(Buffer.from(bytes).toString()));
}
