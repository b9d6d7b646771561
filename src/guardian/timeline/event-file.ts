/**
 * The file of a node's timeline (timeline/ring.ts). It lies in the run directory, in memory: a write there waits for no
 * disk, and so no disk keeps the guardian from its work (docs/adr/0036).
 */

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import type { NodeEvent } from '../../contracts/events.ts';
import { giveToGroup } from '../../linux/identity.ts';
import { type Cursor, type Kept, placeEvent, RING_BYTES, readRing } from '../../timeline/ring.ts';

/** Through no link. */
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;
/** Owner only; and those of a group who may look. */
const MODE = 0o600;
const GROUP_MODE = 0o640;

export class EventFile {
  readonly #fd: number;
  #cursor: Cursor;
  /** What earlier guardians have left. */
  readonly kept: Kept;

  private constructor(fd: number, kept: Kept) {
    this.#fd = fd;
    this.kept = kept;
    this.#cursor = kept.cursor;
  }

  /** With room for all that it will hold. Throws what the file system says, with the file as it was or empty. */
  static open(path: string): EventFile {
    const fd = openSync(path, FLAGS, MODE);
    try {
      const missing = RING_BYTES - fstatSync(fd).size;
      if (missing > 0) writeAt(fd, new Uint8Array(missing), RING_BYTES - missing);
      return new EventFile(fd, readRing(readAll(fd)));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Of the next event. */
  get nextNumber(): number {
    return this.#cursor.n;
  }

  /** Throws what the file system says; the event is lost then, and the next may go. */
  append(event: NodeEvent): void {
    const { offset, bytes, next } = placeEvent(this.#cursor, event);
    this.#cursor = next;
    writeAt(this.#fd, bytes, offset);
  }

  /** Lets the members of a group read it, undefined: nobody else. Throws what the file system says; nobody else may then. */
  showTo(gid: number | undefined): void {
    fchmodSync(this.#fd, MODE);
    giveToGroup(this.#fd, gid ?? process.getgid?.() ?? 0);
    if (gid !== undefined) fchmodSync(this.#fd, GROUP_MODE);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** What a guardian keeps there, whether one runs or not. Throws what the file system says. */
export function readEventFile(path: string): Kept {
  const fd = openSync(path, READ_FLAGS);
  try {
    return readRing(readAll(fd));
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number): Uint8Array {
  const bytes = new Uint8Array(RING_BYTES);
  const length = readSync(fd, bytes, 0, RING_BYTES, 0);
  return bytes.subarray(0, length);
}

function writeAt(fd: number, bytes: Uint8Array, offset: number): void {
  const written = writeSync(fd, bytes, 0, bytes.length, offset);
  if (written < bytes.length)
    throw new Error(`only ${written} of ${bytes.length} bytes were written`);
}
