/** The pipe from the guardian: orders, of which the last counts, and an end, which is the guardian's own. */

import { readSync } from 'node:fs';
import { setBlocking } from '../../linux/files.ts';
import type { ReaperOrder } from './order.ts';

/** A configuration of 255 virtual routers with all that belongs to them is far below. */
const ORDER_BYTES_MAX = 16 << 20;
const NEWLINE = '\n';

export class OrderPipe {
  readonly fd: number;
  readonly #chunk = Buffer.alloc(65_536);
  /** What has come since the last whole line. */
  #rest = '';
  #order: ReaperOrder | null = null;
  #isOpen = true;

  /** Throws SystemError. */
  constructor(fd: number) {
    this.fd = fd;
    setBlocking(fd, false);
  }

  /** The last whole one; null: there was none. */
  get order(): ReaperOrder | null {
    return this.#order;
  }

  /** Takes what is there without waiting; false: the other end is closed, and all is read. */
  read(): boolean {
    while (this.#isOpen) {
      const length = this.#readChunk();
      if (length === null) break;
      if (length === 0) this.#isOpen = false;
      else this.#take(this.#chunk.toString('latin1', 0, length));
    }
    return this.#isOpen;
  }

  /** null: there is nothing now. */
  #readChunk(): number | null {
    try {
      return readSync(this.fd, this.#chunk);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
      throw error;
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split(NEWLINE);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > ORDER_BYTES_MAX) throw new Error('The order has no end');
    const last = lines.at(-1);
    if (last !== undefined) this.#order = JSON.parse(Buffer.from(last, 'latin1').toString());
  }
}
