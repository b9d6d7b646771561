/**
 * Reads one text file that somebody named, and never waits for what does not come: a path may just as well
 * name a device without an end (zero(4)) or a FIFO without a writer (fifo(7)).
 */

import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

export type ReadText =
  | { readonly text: string }
  /** Continues `The file "..." `. `kind` tells apart what callers treat in ways of their own. */
  | { readonly problem: string; readonly kind: 'missing' | 'other' };

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** How long a pipe that does not block may keep us waiting for its next bytes, and how often we look. */
const SILENCE_MAX_MS = 10_000;
const POLL_MS = 10;
/** Of a text in another encoding only the letters beyond ASCII are not UTF-8. */
const INVALID_SHARE_MAX = 1 / 3;

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : null;
}

function problemOf(cause: unknown): ReadText {
  const code = codeOf(cause);
  if (code === 'ENOENT') return { problem: 'does not exist', kind: 'missing' };
  if (code === 'EACCES') {
    return { problem: 'may not be read; check its permissions', kind: 'other' };
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return { problem: `cannot be read: ${why}`, kind: 'other' };
}

/** The descriptor that a path such as /dev/stdin stands for (proc_pid_fd(5)); null: none. */
function pipedDescriptor(path: string): number | null {
  if (path === '/dev/stdin') return 0;
  const digits = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Bytes read into `chunk`; waits for a pipe that its other users made non-blocking. */
function readPatiently(descriptor: number, chunk: Buffer): number {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; waitedMs < SILENCE_MAX_MS; waitedMs += POLL_MS) {
    try {
      return readSync(descriptor, chunk);
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') throw cause;
    }
    Atomics.wait(sleeper, 0, 0, POLL_MS);
  }
  throw new Error(`nothing came for ${SILENCE_MAX_MS / 1000} s`);
}

/** All bytes up to the end; null when there are more than `bytesMax`. */
function readBounded(
  bytesMax: number,
  read: (chunk: Buffer) => number,
): Buffer<ArrayBuffer> | null {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= bytesMax; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const length = read(chunk);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
    total += length;
  }
  return null;
}

function readRegular(path: string, bytesMax: number): Buffer | null {
  // Should a FIFO have taken the file's place just now, opening must not wait for a writer.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (fstatSync(descriptor).size > bytesMax) return null;
    return readBounded(bytesMax, (chunk) => readSync(descriptor, chunk));
  } finally {
    closeSync(descriptor);
  }
}

function isText(bytes: Buffer, text: string): boolean {
  if (bytes.includes(0)) return false;
  const invalid = text.split('\ufffd').length - 1;
  return invalid <= text.length * INVALID_SHARE_MAX;
}

/**
 * Reads a regular file, or to its end what is piped in under /dev/stdin, /dev/fd/N or /proc/self/fd/N; in
 * neither case more than `bytesMax`, which is a whole number of MiB. Never throws.
 */
export function readText(path: string, bytesMax: number): ReadText {
  try {
    const status = statSync(path);
    if (status.isDirectory()) return { problem: 'is a directory', kind: 'other' };
    const piped = status.isFIFO() || status.isSocket() || status.isCharacterDevice();
    const descriptor = piped ? pipedDescriptor(path) : null;
    if (!status.isFile() && descriptor === null) {
      return { problem: 'is not a regular file', kind: 'other' };
    }
    const bytes =
      descriptor === null
        ? readRegular(path, bytesMax)
        : readBounded(bytesMax, (chunk) => readPatiently(descriptor, chunk));
    if (bytes === null) {
      return { problem: `is larger than ${bytesMax / MIB} MiB`, kind: 'other' };
    }
    const text = bytes.toString('utf8');
    if (!isText(bytes, text)) return { problem: 'is not a text file', kind: 'other' };
    return { text };
  } catch (cause) {
    return problemOf(cause);
  }
}
