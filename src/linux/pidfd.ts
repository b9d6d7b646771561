/** Descriptors of other processes: pidfd_open(2), pidfd_getfd(2). */

import { EBADF, SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { bind, errno } from './libc.ts';

const syscall = bind<[number, number, number, number]>('int64_t', 'syscall', [
  'int64_t',
  'int64_t',
  'int64_t',
  'int64_t',
]);

/** The numbers are the same on every architecture that came after 2011's x32 (syscalls(2)). */
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

/**
 * Calls `use` with a function that duplicates a descriptor of the process into ours, close-on-exec; the
 * caller owns what it gets; null: the process has closed it. Throws SystemError: ESRCH, EPERM without
 * CAP_SYS_PTRACE, ENOSYS before Linux 5.6.
 */
export function withProcess<Value>(
  pid: number,
  use: (duplicate: (fd: number) => number | null) => Value,
): Value {
  const pidfd = syscall(SYS_PIDFD_OPEN, pid, 0, 0);
  if (pidfd === -1) throw new SystemError('pidfd_open', errno(), `process ${pid}`);
  try {
    return use((fd) => {
      const duplicate = syscall(SYS_PIDFD_GETFD, pidfd, fd, 0);
      if (duplicate !== -1) return duplicate;
      if (errno() === EBADF) return null;
      throw new SystemError('pidfd_getfd', errno(), `descriptor ${fd} of process ${pid}`);
    });
  } finally {
    closeFd(pidfd);
  }
}
