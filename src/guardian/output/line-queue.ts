/**
 * Lines that wait to be written, bounded. Where there is no room the oldest go, because the newest say what
 * is the matter now; how many went is kept until somebody says so.
 */

/** What may wait: a log of some minutes in trouble, and no more than a guardian's memory bears. */
export const BYTES_MAX = 512 << 10;
export const LINES_MAX = 5000;

type Piece = { readonly bytes: Uint8Array; readonly lines: number };

export class LineQueue {
  #pieces: Piece[] = [];
  #bytes = 0;
  #lines = 0;
  #lost = 0;

  /** Lines that had to go since takeLost(). */
  get lost(): number {
    return this.#lost;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** More than half full. */
  get isCrowded(): boolean {
    return this.#bytes > BYTES_MAX / 2 || this.#lines > LINES_MAX / 2;
  }

  /** Adds whole lines, `lines` of them, which are kept or lost together. */
  push(bytes: Uint8Array, lines: number): void {
    this.#pieces.push({ bytes, lines });
    this.#bytes += bytes.length;
    this.#lines += lines;
    while (this.#bytes > BYTES_MAX || this.#lines > LINES_MAX) this.#lost += this.#shift().lines;
  }

  /** The oldest pieces, up to `bytesMax`, but at least one; null: there is none. */
  take(bytesMax: number): Uint8Array | null {
    if (this.isEmpty) return null;
    const taken = [this.#shift().bytes];
    let length = taken[0]?.length ?? 0;
    for (let next = this.#pieces[0]; next !== undefined; next = this.#pieces[0]) {
      length += next.bytes.length;
      if (length > bytesMax) break;
      taken.push(this.#shift().bytes);
    }
    return taken.length === 1 ? (taken[0] ?? null) : Buffer.concat(taken);
  }

  /** `lost`, which begins anew. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  #shift(): Piece {
    const piece = this.#pieces.shift() ?? { bytes: new Uint8Array(), lines: 0 };
    this.#bytes -= piece.bytes.length;
    this.#lines -= piece.lines;
    return piece;
  }
}
