/**
 * Whether somebody else can change what root would run: the rules of keepalived's enable_script_security. They are
 * about the command alone, not about what it is given to read: `sh /tmp/x` passes, as it does there.
 */

import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { whyUntrusted } from './trusted-path.ts';

const PATH_DEFAULT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Directories of PATH that are looked into. */
const DIRECTORIES_MAX = 64;
/** inode(7). */
const SET_UID = 0o4000;
const SET_GID = 0o2000;

/** Who runs it; null: nobody is named, so it is who runs this process. */
export type Runner = { readonly uid: number; readonly gid: number } | null;

export function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The file that a command is (execvp(3)); null: there is none of that name. */
export function commandFile(command: string): string | null {
  if (command.includes('/')) return command;
  const path = (process.env.PATH ?? PATH_DEFAULT).split(':').slice(0, DIRECTORIES_MAX);
  const folder = path.find((each) => isRunnable(join(each, command)));
  return folder === undefined ? null : join(folder, command);
}

/**
 * Who can change what the command is, in a sentence, where it runs as root; null: nobody, or it does not. One that
 * is not there is nobody's.
 */
export function whyUnsafe(command: string, runner: Runner): string | null {
  const file = commandFile(command);
  if (file === null) return null;
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined || !isRoot(runner, stats)) return null;
    return whyUntrusted(file, { uids: [0], gids: [0] });
  } catch (error) {
    // A file system that does not answer is no reason to trust it.
    return `"${file}" cannot be looked at: ${(error as Error).message}`;
  }
}

/** Why keepalived would not run it with enable_script_security, in a sentence; null: it would. By root alone. */
export function whyForbidden(command: string, runner: Runner): string | null {
  if (runner === null) {
    return 'it would run as root, as nobody is named: add "script_user", or an account "keepalived_script"';
  }
  return whyUnsafe(command, runner);
}

function isRoot(runner: Runner, { mode, uid, gid }: Stats): boolean {
  if (runner === null || runner.uid === 0 || runner.gid === 0) return true;
  return ((mode & SET_UID) !== 0 && uid === 0) || ((mode & SET_GID) !== 0 && gid === 0);
}
