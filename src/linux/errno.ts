/** Error numbers by name (errno(3)); the values are those of x86-64 and arm64 Linux. */

import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

export const EIO = 5;
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOSYS = 38;
export const EPROTO = 71;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENOBUFS = 105;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EINPROGRESS = 115;

/** A system call failed in a way its caller cannot mend. */
export class SystemError extends Error {
  readonly call: string;
  readonly errno: number;
  /** "ECONNREFUSED" */
  readonly code: string;

  constructor(call: string, errno: number, about = '') {
    const detail = about === '' ? '' : ` (${about})`;
    super(`${call} failed: ${errorText(errno)}${detail}`);
    this.name = 'SystemError';
    this.call = call;
    this.errno = errno;
    this.code = errorName(errno);
  }
}

export function errorName(errno: number): string {
  return getSystemErrorName(-errno);
}

/** "connection refused" */
export function errorText(errno: number): string {
  return getSystemErrorMessage(-errno);
}
