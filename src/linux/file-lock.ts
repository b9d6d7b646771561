/** Whole-file locks that the kernel releases when their holder dies: flock(2). */

import { EAGAIN, SystemError } from './errno.ts';
import { bind, errno } from './libc.ts';

const flock = bind<[number, number]>('int', 'flock', ['int', 'int']);

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes the exclusive lock of an open file; false when another process holds it. */
export function tryLockFile(fd: number): boolean {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const error = errno();
  if (error === EAGAIN) return false;
  throw new SystemError('flock', error, `descriptor ${fd}`);
}
