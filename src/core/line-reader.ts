/**
 * Cuts a stream of bytes into lines of bounded length. What waits for its end is kept in the pieces it came
 * in: a line costs as much memory as it has bytes, once, and one that is too long costs no more than allowed.
 */

const NEWLINE = 0x0a;

export class LineReader {
  #bytesMax: number;
  readonly #decoder = new TextDecoder();
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** `bytesMax`: of one line, without its end. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Lines may be longer from now on, or as long as before. */
  allow(bytesMax: number): void {
    this.#bytesMax = Math.max(this.#bytesMax, bytesMax);
  }

  /** The lines that end in `chunk`, without their ends; null: one is longer than allowed, and nothing is kept. */
  read(chunk: Uint8Array): readonly string[] | null {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return null;
      lines.push(this.#take());
      start = end + 1;
    }
    return this.#keep(chunk.subarray(start)) ? lines : null;
  }

  #keep(piece: Uint8Array): boolean {
    if (this.#bytes + piece.length > this.#bytesMax) {
      this.#forget();
      return false;
    }
    if (piece.length > 0) this.#pieces.push(piece);
    this.#bytes += piece.length;
    return true;
  }

  #take(): string {
    const [first] = this.#pieces;
    let line = first;
    if (this.#pieces.length > 1) {
      line = new Uint8Array(this.#bytes);
      let at = 0;
      for (const piece of this.#pieces) {
        line.set(piece, at);
        at += piece.length;
      }
    }
    this.#forget();
    return line === undefined ? '' : this.#decoder.decode(line);
  }

  #forget(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
