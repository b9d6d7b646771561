/**
 * The run directory: guardian.pid (locked while the guardian lives), a pid file of each process it has
 * started, the record of who was master, and admin.sock. Several instances run side by side with different
 * run directories.
 */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  ADMIN_SOCKET_FILE,
  BALANCER_TITLE,
  CHECKER_TITLE,
  EVENTS_FILE,
  REAPER_TITLE,
  SPARE_TITLE,
  STATUS_SOCKET_FILE,
} from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { tryLockFile } from '../linux/file-lock.ts';
import { trustedHere, whyUntrusted } from '../linux/trusted-path.ts';
import { commandOf } from './process-table.ts';

/**
 * The processes a guardian starts, by the names of their pid files, and the titles they may have. "retired": a
 * balancer, of this or an earlier guardian, that only lets its connections finish.
 */
const CHILD_TITLES = {
  balancer: [BALANCER_TITLE, SPARE_TITLE],
  spare: [BALANCER_TITLE, SPARE_TITLE],
  retired: [BALANCER_TITLE, SPARE_TITLE],
  reaper: [REAPER_TITLE],
  checker: [CHECKER_TITLE],
} as const;
export type ChildRole = keyof typeof CHILD_TITLES;
const CHILD_ROLES: readonly ChildRole[] = ['balancer', 'spare', 'retired', 'reaper', 'checker'];

/** What address/mastership.ts writes. */
const MASTERSHIP_BYTES = 64 << 10;

/** As 'a+', and through no link. */
const LOCK_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
/** A file that nobody has made before us, and no link to one (O_EXCL). */
const NEW_FLAGS = 'wx';

/** Where the timeline of a run directory lies. */
export function eventsPath(directory: string): string {
  return join(directory, EVENTS_FILE);
}

/** A process that a guardian started with this run directory and that runs; null: there is none. */
export function childIn(directory: string, role: ChildRole): number | null {
  let pid = 0;
  try {
    pid = Number(readFileSync(pidFile(directory, role), 'utf8'));
  } catch {
    return null;
  }
  // The number may belong to somebody else by now: the title says whose it is.
  const titles: readonly string[] = CHILD_TITLES[role];
  const ours = titles.includes(commandOf(pid) ?? '');
  return Number.isInteger(pid) && pid > 1 && ours ? pid : null;
}

function pidFile(directory: string, role: ChildRole): string {
  return join(directory, `${role}.pid`);
}

/** Where the speaker notes what it is master of; the file may be left from an earlier guardian. */
export function mastershipPath(directory: string): string {
  return join(directory, 'mastership');
}

/** What the run directory, or a file in it, cannot be used for. */
export function runDirError(path: string, error: unknown): OperationalError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OperationalError(
    'run-dir',
    `Cannot use the run directory "${path}": ${reason}; choose another with --run-dir`,
  );
}

/** From the last one up to the first that was made; `first` undefined: none was. */
function foldersDownTo(path: string, first: string | undefined): readonly string[] {
  if (first === undefined) return [];
  const [top, folders] = [resolve(first), [resolve(path)]];
  for (let at = resolve(path); at !== top && at !== dirname(at); ) {
    at = dirname(at);
    folders.push(at);
  }
  return folders;
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

export class RunDir {
  readonly path: string;
  readonly #lock: number;
  /** Folders that were not there before, the deepest first. */
  readonly #made: readonly string[];

  /**
   * Makes the directory and takes its lock; throws OperationalError 'run-dir' or 'already-running'. It is refused
   * where another account could have us write elsewhere.
   */
  constructor(path: string) {
    this.path = path;
    this.#made = this.#using(() => {
      this.#distrust();
      return foldersDownTo(path, mkdirSync(path, { recursive: true, mode: 0o755 }));
    });
    try {
      this.#lock = this.#openLock();
    } catch (error) {
      this.#removeMade();
      throw error;
    }
  }

  #openLock(): number {
    const lock = this.#using(() => {
      // Somebody may have been faster in making the directory.
      this.#distrust();
      return openSync(join(this.path, 'guardian.pid'), LOCK_FLAGS, 0o644);
    });
    try {
      this.#takeLock(lock);
      return lock;
    } catch (error) {
      closeSync(lock);
      throw error;
    }
  }

  #distrust(): void {
    const reason = whyUntrusted(this.path, trustedHere());
    if (reason !== null) throw new Error(`${reason} and could have files written elsewhere`);
  }

  #takeLock(lock: number): void {
    const { path } = this;
    if (!tryLockFile(lock)) {
      const holder = readFileSync(join(path, 'guardian.pid'), 'utf8').trim();
      throw new OperationalError(
        'already-running',
        `Evergate already runs with "${path}" (guardian ${holder}); ` +
          'stop it or choose another directory with --run-dir',
      );
    }
    this.#using(() => {
      // We hold the lock, so a socket that lies here is left over from a guardian that was killed.
      for (const socket of [this.adminSocket, this.statusSocket]) rmSync(socket, { force: true });
      ftruncateSync(lock);
      writeSync(lock, `${process.pid}\n`);
    });
  }

  /** Throws OperationalError 'run-dir' for whatever is wrong with files there. */
  #using<Value>(action: () => Value): Value {
    try {
      return action();
    } catch (error) {
      throw runDirError(this.path, error);
    }
  }

  #removeMade(): void {
    for (const folder of this.#made) if (!removeIfEmpty(folder)) break;
  }

  get adminSocket(): string {
    return join(this.path, ADMIN_SOCKET_FILE);
  }

  get statusSocket(): string {
    return join(this.path, STATUS_SOCKET_FILE);
  }

  /**
   * In one step: whoever reads it finds the old or the new one. Throws OperationalError 'run-dir' with neither left:
   * a number that is wrong by now is worse than none.
   */
  writePid(role: ChildRole, pid: number): void {
    const path = pidFile(this.path, role);
    const next = `${path}.new`;
    this.#using(() => {
      try {
        rmSync(next, { force: true });
        writeFileSync(next, `${pid}\n`, { flag: NEW_FLAGS, mode: 0o644 });
        renameSync(next, path);
      } catch (error) {
        for (const left of [next, path]) rmSync(left, { force: true });
        throw error;
      }
    });
  }

  /** The process goes on, and has another role. */
  forgetPid(role: ChildRole): void {
    rmSync(pidFile(this.path, role), { force: true });
  }

  /**
   * The file for the speaker's notes, with room for them: what it says of a full disk, or of a link in its place,
   * comes here as one line. What an earlier guardian has left in it stays. Throws OperationalError 'run-dir'.
   */
  prepareMastership(): string {
    const path = mastershipPath(this.path);
    this.#using(() => {
      const fd = openSync(path, LOCK_FLAGS, 0o600);
      try {
        const missing = MASTERSHIP_BYTES - fstatSync(fd).size;
        // As a whole: a disk that is almost full takes a part of one write.
        if (missing > 0) writeFileSync(fd, Buffer.alloc(missing));
      } finally {
        closeSync(fd);
      }
    });
    return path;
  }

  /** A process that an earlier guardian started and that still runs; null: there is none. */
  childOf(role: ChildRole): number | null {
    return childIn(this.path, role);
  }

  /**
   * Removes what this guardian put there, but no trace of a process that goes on, and with the last of it the directory
   * if it made that. The lock goes last.
   */
  release(): void {
    for (const role of CHILD_ROLES) {
      if (this.childOf(role) === null) rmSync(pidFile(this.path, role), { force: true });
    }
    for (const path of [
      mastershipPath(this.path),
      this.adminSocket,
      this.statusSocket,
      join(this.path, 'guardian.pid'),
    ]) {
      rmSync(path, { force: true });
    }
    // In a directory that was there before, the next guardian goes on with it.
    if (this.#made.length > 0) rmSync(eventsPath(this.path), { force: true });
    this.#removeMade();
    closeSync(this.#lock);
  }
}
