/**
 * Whether what a client has said is a TLS hello and nothing else, which another server may be told, too.
 * A ClientHello (RFC 8446 section 4.1.2) in records of the handshake (section 5.1); one that offers early data
 * (section 4.2.10) has a request behind it, which a second server would carry out a second time.
 */

/** `partial`: so far; `whole`: it ends here; `other`: anything else, or more. */
export type HelloVerdict = 'partial' | 'whole' | 'other';

const RECORD_HEADER_BYTES = 5;
const RECORD_BYTES_MAX = 16_384;
const HANDSHAKE = 22;
const VERSION_MAJOR = 3;
const CLIENT_HELLO = 1;
/** legacy_version and random. */
const FIXED_BYTES = 34;
const EARLY_DATA = 42;

export class HelloReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Of the record that is read. */
  #left = 0;
  /** What stops the reading; null: nothing yet. */
  #stop: 'partial' | 'other' | null = null;

  /** Judges bytes[start..end). */
  judge(bytes: Uint8Array, start: number, end: number): HelloVerdict {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#left = 0;
    this.#stop = null;
    this.#readHello();
    if (this.#stop !== null) return this.#stop;
    // Nothing follows a hello before its answer.
    return this.#left === 0 && this.#at === this.#end ? 'whole' : 'other';
  }

  #readHello(): void {
    if (this.#number(1) !== CLIENT_HELLO) this.#refuse();
    let left = this.#number(3) - FIXED_BYTES;
    this.#skip(FIXED_BYTES);
    // Session identifier, cipher suites, compression methods.
    for (const width of [1, 2, 1]) {
      const length = this.#number(width);
      left -= width + length;
      this.#skip(length);
    }
    if (left === 0 || this.#stop !== null) return;
    left -= 2;
    if (this.#number(2) !== left) this.#refuse();
    // Each turn takes four bytes at least, or is the last.
    while (left > 0 && this.#stop === null) {
      if (this.#number(2) === EARLY_DATA) this.#refuse();
      const length = this.#number(2);
      left -= 4 + length;
      this.#skip(length);
    }
    if (left < 0) this.#refuse();
  }

  #refuse(): void {
    this.#stop ??= 'other';
  }

  /** Of so many bytes, in network order; 0 once the reading has stopped. */
  #number(bytes: number): number {
    let value = 0;
    for (let count = 0; count < bytes; count++) {
      if (!this.#enterRecord()) return 0;
      value = value * 256 + (this.#bytes[this.#at] ?? 0);
      this.#at++;
      this.#left--;
    }
    return value;
  }

  #skip(bytes: number): void {
    let rest = bytes;
    while (rest > 0 && this.#enterRecord()) {
      const step = Math.min(rest, this.#left, this.#end - this.#at);
      this.#at += step;
      this.#left -= step;
      rest -= step;
    }
  }

  /** Whether there is a byte of a handshake to read. */
  #enterRecord(): boolean {
    if (this.#stop !== null) return false;
    if (this.#left === 0) this.#readRecordHeader();
    if (this.#stop === null && this.#at >= this.#end) this.#stop = 'partial';
    return this.#stop === null;
  }

  #readRecordHeader(): void {
    const bytes = this.#bytes;
    const at = this.#at;
    const there = this.#end - at;
    const wrong =
      (there > 0 && bytes[at] !== HANDSHAKE) || (there > 1 && bytes[at + 1] !== VERSION_MAJOR);
    if (wrong) this.#refuse();
    else if (there < RECORD_HEADER_BYTES) this.#stop = 'partial';
    else {
      this.#left = (bytes[at + 3] ?? 0) * 256 + (bytes[at + 4] ?? 0);
      this.#at += RECORD_HEADER_BYTES;
      if (this.#left === 0 || this.#left > RECORD_BYTES_MAX) this.#refuse();
    }
  }
}
