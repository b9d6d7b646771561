/**
 * Reads what a client has said as a TLS hello: a ClientHello (RFC 8446 section 4.1.2) in records of the handshake
 * (section 5.1). Whether it is that and nothing else, which another server may be told, too; one that offers early
 * data (section 4.2.10) has a request behind it, which a second server would carry out a second time. And whom it
 * is for (RFC 6066 section 3).
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
const SERVER_NAME = 0;
const EARLY_DATA = 42;
/** Of a name: one of DNS. */
const HOST_NAME = 0;

export class HelloReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Of the record that is read. */
  #left = 0;
  /** What stops the reading; null: nothing yet. */
  #stop: 'partial' | 'other' | null = null;
  #offersEarlyData = false;
  #name: string | null = null;

  /** Judges bytes[start..end). */
  judge(bytes: Uint8Array, start: number, end: number): HelloVerdict {
    this.#read(bytes, start, end);
    if (this.#offersEarlyData) return 'other';
    if (this.#stop !== null) return this.#stop;
    // Nothing follows a hello before its answer.
    return this.#left === 0 && this.#at === this.#end ? 'whole' : 'other';
  }

  /**
   * The name that the hello at the beginning of bytes[start..end) asks for, bytes as characters; null: it asks for
   * none, or there is no whole hello. What is behind a hello does not count.
   */
  readName(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): { readonly verdict: HelloVerdict; readonly name: string | null } {
    this.#read(bytes, start, end);
    const verdict = this.#stop ?? 'whole';
    return { verdict, name: verdict === 'whole' ? this.#name : null };
  }

  #read(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#left = 0;
    this.#stop = null;
    this.#offersEarlyData = false;
    this.#name = null;
    this.#readHello();
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
      const type = this.#number(2);
      const length = this.#number(2);
      left -= 4 + length;
      if (type === EARLY_DATA) this.#offersEarlyData = true;
      if (type === SERVER_NAME && left >= 0) this.#readNames(length);
      else this.#skip(length);
    }
    if (left < 0) this.#refuse();
  }

  /** A list of names, of which the first counts if it is one of a host. */
  #readNames(length: number): void {
    if (length < 5) {
      this.#skip(length);
      return;
    }
    this.#skip(2);
    const type = this.#number(1);
    const bytes = this.#number(2);
    if (bytes > length - 5) this.#refuse();
    let name = '';
    for (let count = 0; count < bytes && this.#stop === null; count++) {
      name += String.fromCharCode(this.#number(1));
    }
    if (type === HOST_NAME) this.#name ??= name;
    this.#skip(length - 5 - bytes);
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
