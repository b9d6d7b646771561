/**
 * The number in a file that an instance tracks (keepalived.conf(5), track_file). A file that is missing, or
 * holds no number, counts as 0, as keepalived has it.
 */

import { constants, open, writeFile } from 'node:fs/promises';
import type { TrackFileConfig } from '../config/model/election.ts';

const READ_INTERVAL_MS = 100;
/** A number and a line's end; the rest of a file is not looked at. */
const BYTES_MAX = 64;

export class FileWatch {
  readonly #config: TrackFileConfig;
  readonly #onValue: (value: number) => void;
  #value: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** Tells the first value and each change. `onFailure`: the file cannot be made as configured. */
  constructor(
    config: TrackFileConfig,
    onValue: (value: number) => void,
    onFailure: (text: string) => void,
  ) {
    this.#config = config;
    this.#onValue = onValue;
    void this.#start(onFailure);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer ?? undefined);
  }

  async #start(onFailure: (text: string) => void): Promise<void> {
    const { path, initialValue, overwrite } = this.#config;
    if (initialValue !== null) {
      try {
        await writeFile(path, `${initialValue}\n`, { flag: overwrite ? 'w' : 'wx' });
      } catch (error) {
        const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
        if (!isThere) onFailure(`Cannot write tracked file "${path}": ${String(error)}`);
      }
    }
    await this.#readFile();
  }

  async #readFile(): Promise<void> {
    const value = await readNumber(this.#config.path);
    if (this.#stopped) return;
    if (value !== this.#value) {
      this.#value = value;
      this.#onValue(value);
    }
    this.#timer = setTimeout(() => void this.#readFile(), READ_INTERVAL_MS);
  }
}

async function readNumber(path: string): Promise<number> {
  try {
    // Without it the end of a named pipe that nobody writes would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BYTES_MAX), 0, BYTES_MAX, 0);
      const digits = /^\s*([+-]?\d{1,10})\b/.exec(buffer.toString('latin1', 0, bytesRead));
      return digits === null ? 0 : Number(digits[1]);
    } finally {
      await file.close();
    }
  } catch {
    return 0;
  }
}
