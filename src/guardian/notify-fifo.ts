/**
 * A named pipe that changes of state are written to (keepalived.conf(5), notify_fifo), and the program that
 * reads it. Never waits: when nobody reads and the pipe is full, lines are lost, and that is said once.
 */

import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { NotifyFifoConfig } from '../config/model/election.ts';
import { OperationalError } from '../core/errors.ts';
import { EEXIST, SystemError } from '../linux/errno.ts';
import { makeFifo } from '../linux/files.ts';
import type { Log } from './log.ts';
import { RunningCommand } from './running-command.ts';
import { type ScriptAccount, scriptAccount } from './script-account.ts';

/** A reader that ended is started again after this long. */
const RESTART_MS = 1000;
/** Longest time a timer takes: the reader has no limit. */
const READER_MS_MAX = 2_147_483_647;

export class NotifyFifo {
  readonly #config: NotifyFifoConfig;
  readonly #log: Log;
  readonly #fd: number;
  readonly #made: boolean;
  readonly #account: ScriptAccount | null;
  #reader: RunningCommand | null = null;
  #restart: NodeJS.Timeout | null = null;
  #closed = false;
  #losing = false;

  /** Throws OperationalError: missing-account, notify-pipe. */
  constructor(config: NotifyFifoConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    const owner = scriptAccount({ ...config, name: config.path });
    const { reader } = config;
    this.#account = reader === null ? null : scriptAccount({ ...reader, name: config.path });
    const opened = openFifo(config.path, owner);
    this.#fd = opened.fd;
    this.#made = opened.made;
    this.#startReader();
  }

  write(line: string): void {
    try {
      writeSync(this.#fd, line);
      this.#losing = false;
    } catch (error) {
      if (this.#losing) return;
      this.#losing = true;
      this.#log(
        'warning',
        `Lines to notify FIFO "${this.#config.path}" are lost: ${String(error)}`,
      );
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#restart ?? undefined);
    this.#reader?.signal('SIGTERM');
    this.#reader?.unref();
    closeSync(this.#fd);
    if (!this.#made) return;
    try {
      unlinkSync(this.#config.path);
    } catch {
      // Somebody was faster.
    }
  }

  #startReader(): void {
    const { reader, path } = this.#config;
    if (reader === null) return;
    const { guarded = false } = reader;
    const command = { argv: [...reader.argv, path], account: this.#account, guarded };
    this.#reader = new RunningCommand(command, READER_MS_MAX, ({ text }) => {
      this.#reader = null;
      if (this.#closed) return;
      this.#log('warning', `The reader of notify FIFO "${path}" ended: ${text}`);
      this.#restart = setTimeout(() => this.#startReader(), RESTART_MS);
    });
  }
}

/** Takes a pipe that is there already, as keepalived does. */
function openFifo(path: string, owner: ScriptAccount | null): { fd: number; made: boolean } {
  const refuse = (reason: string) => {
    const text = `The notify FIFO "${path}" cannot be used: ${reason}`;
    return new OperationalError('notify-pipe', text);
  };
  let made = false;
  try {
    makeFifo(path, 0o600);
    made = true;
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EEXIST)
      throw refuse(error instanceof Error ? error.message : String(error));
  }
  // For reading too: such an open never waits for a reader, and a write never raises SIGPIPE.
  const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    throw refuse(String(error));
  }
  try {
    if (!fstatSync(fd).isFIFO()) throw new Error('something else has that name; remove it');
    // What is open, and not what has the name by now.
    if (made && owner !== null) fchownSync(fd, owner.uid, owner.gid);
    return { fd, made };
  } catch (error) {
    closeSync(fd);
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}
