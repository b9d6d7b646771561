/** A configuration file is written whole or not at all, and never over one that somebody has filled in. */

import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { OperationalError } from '../core/errors.ts';
import { errorName, errorText } from '../linux/errno.ts';
import { readText } from '../load-config/read-text.ts';

const MODE = 0o640;
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Throws OperationalError 'output-file' where a file of that name says more than comments. */
export function refuseFilledIn(path: string): void {
  const file = readText(path, FILE_BYTES_MAX);
  if ('problem' in file) {
    if (file.kind === 'missing') return;
    throw new OperationalError('output-file', `The file "${path}" ${file.problem}`);
  }
  if (saysNothing(file.text)) return;
  throw new OperationalError(
    'output-file',
    `"${path}" is filled in and left as it is: write over it with --force, or name another file with --output`,
  );
}

/** It is there, and has nothing but comments, as a package brings it. */
export function isNotFilledIn(path: string): boolean {
  const file = readText(path, FILE_BYTES_MAX);
  return !('problem' in file) && saysNothing(file.text);
}

function saysNothing(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#.*)?$/.test(line));
}

/** Rights and owner of a file that is there stay. Throws OperationalError 'output-file', the old file as it was. */
export function writeConfig(named: string, text: string): void {
  const old = statSync(named, { throwIfNoEntry: false });
  const path = old === undefined ? named : realpathSync(named);
  const next = `${path}.new`;
  try {
    rmSync(next, { force: true });
    const fd = openSync(next, 'wx', MODE);
    try {
      // All of it: one write may end early where a disk is almost full.
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (old !== undefined) {
      chownSync(next, old.uid, old.gid);
      chmodSync(next, old.mode & 0o777);
    }
    renameSync(next, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(next, { force: true });
    const { errno = 0, code } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? ': make its folder first' : '';
    const why = `${errorText(-errno)} (${errorName(-errno)})${hint}`;
    throw new OperationalError('output-file', `"${named}" cannot be written: ${why}`);
  }
}

/** The new name outlives a power cut, too. */
function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
