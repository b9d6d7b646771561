/**
 * The run directory: guardian.pid (locked while the guardian lives), balancer.pid, spare.pid and admin.sock.
 * Several instances run side by side with different run directories.
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
export const SPARE_TITLE = 'evergate: spare';

/** The processes a guardian starts, by the names of their pid files. */
export type ChildRole = 'balancer' | 'spare';
const CHILD_ROLES: readonly ChildRole[] = ['balancer', 'spare'];

export function adminSocketPath(directory: string): string {
  return join(directory, 'admin.sock');
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
    writeFileSync(this.#pidFile(role), `${pid}\n`);
  }

  /** Ends what a guardian that was killed has left running; the pids. */
  endOrphans(): readonly number[] {
    const pids = new Set(
      CHILD_ROLES.map((role) => this.#orphan(role)).filter((pid) => pid !== null),
    );
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return [...pids];
  }

  #orphan(role: ChildRole): number | null {
    let pid = 0;
    try {
      pid = Number(readFileSync(this.#pidFile(role), 'utf8'));
    } catch {
      return null;
    }
    // The number may belong to somebody else by now: the title says whose it is.
    const ours = [BALANCER_TITLE, SPARE_TITLE].includes(commandOf(pid) ?? '');
    return Number.isInteger(pid) && pid > 1 && ours ? pid : null;
  }

  /** Removes what this guardian put there. The lock goes last. */
  release(): void {
    for (const name of ['balancer.pid', 'spare.pid', 'admin.sock', 'guardian.pid']) {
      rmSync(join(this.path, name), { force: true });
    }
    closeSync(this.#lock);
  }

  #pidFile(role: ChildRole): string {
    return join(this.path, `${role}.pid`);
  }
}
