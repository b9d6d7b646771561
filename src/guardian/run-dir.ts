/**
 * The run directory: guardian.pid (locked while the guardian lives), a pid file of each process it has
 * started, the record of who was master, and admin.sock. Several instances run side by side with different
 * run directories.
 */

import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { OperationalError } from '../core/errors.ts';
import { tryLockFile } from '../linux/file-lock.ts';
import { commandOf } from './process-table.ts';

export const DEFAULT_RUN_DIR = '/run/evergate';

/** The process titles; they are how a pid from a file is recognised as ours. */
export const GUARDIAN_TITLE = 'evergate: guardian';
export const BALANCER_TITLE = 'evergate: balancer';
const SPARE_TITLE = 'evergate: spare';
export const REAPER_TITLE = 'evergate: reaper';

/**
 * The processes a guardian starts, by the names of their pid files, and the titles they may have. "retired": a
 * balancer of an earlier guardian that only lets its connections finish.
 */
const CHILD_TITLES = {
  balancer: [BALANCER_TITLE, SPARE_TITLE],
  spare: [BALANCER_TITLE, SPARE_TITLE],
  retired: [BALANCER_TITLE, SPARE_TITLE],
  reaper: [REAPER_TITLE],
} as const;
export type ChildRole = keyof typeof CHILD_TITLES;
const CHILD_ROLES: readonly ChildRole[] = ['balancer', 'spare', 'retired', 'reaper'];

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

export function adminSocketPath(directory: string): string {
  return join(directory, 'admin.sock');
}

/** Where the speaker notes what it is master of; the file may be left from an earlier guardian. */
export function mastershipPath(directory: string): string {
  return join(directory, 'mastership');
}

export class RunDir {
  readonly path: string;
  readonly #lock: number;

  /** Makes the directory and takes its lock; throws OperationalError 'run-dir' or 'already-running'. */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      this.#lock = openSync(join(path, 'guardian.pid'), 'a+', 0o644);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OperationalError(
        'run-dir',
        `Cannot use the run directory "${path}": ${reason}; choose another with --run-dir`,
      );
    }
    if (!tryLockFile(this.#lock)) {
      const holder = readFileSync(join(path, 'guardian.pid'), 'utf8').trim();
      closeSync(this.#lock);
      throw new OperationalError(
        'already-running',
        `Evergate already runs with "${path}" (guardian ${holder}); ` +
          'stop it or choose another directory with --run-dir',
      );
    }
    // We hold the lock, so a socket that lies here is left over from a guardian that was killed.
    rmSync(this.adminSocket, { force: true });
    ftruncateSync(this.#lock);
    writeSync(this.#lock, `${process.pid}\n`);
  }

  get adminSocket(): string {
    return adminSocketPath(this.path);
  }

  writePid(role: ChildRole, pid: number): void {
    writeFileSync(pidFile(this.path, role), `${pid}\n`);
  }

  /** A process that an earlier guardian started and that still runs; null: there is none. */
  childOf(role: ChildRole): number | null {
    return childIn(this.path, role);
  }

  /** Removes what this guardian put there, but no trace of a process that goes on. The lock goes last. */
  release(): void {
    for (const role of CHILD_ROLES) {
      if (this.childOf(role) === null) rmSync(pidFile(this.path, role), { force: true });
    }
    for (const path of [
      mastershipPath(this.path),
      this.adminSocket,
      join(this.path, 'guardian.pid'),
    ]) {
      rmSync(path, { force: true });
    }
    closeSync(this.#lock);
  }
}
