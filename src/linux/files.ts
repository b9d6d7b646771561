/** Descriptors that are not sockets: close(2), dup3(2), shared memory (memfd_create(2), mmap(2)), limits. */

import { SystemError } from './errno.ts';
import { addressOf, bind, cString, errno, pinnedBuffer, viewOf } from './libc.ts';

const closeCall = bind<[number]>('int', 'close', ['int']);
const memfdCreate = bind<[number, number]>('int', 'memfd_create', ['int64_t', 'uint32_t']);
const ftruncate = bind<[number, number]>('int', 'ftruncate', ['int', 'int64_t']);
const mmap = bind<[number, number, number, number, number, number]>('int64_t', 'mmap', [
  'int64_t',
  'size_t',
  'int',
  'int',
  'int',
  'int64_t',
]);
const getrlimit = bind<[number, number]>('int', 'getrlimit', ['int', 'int64_t']);
const setrlimit = bind<[number, number]>('int', 'setrlimit', ['int', 'int64_t']);
const mkfifo = bind<[number, number]>('int', 'mkfifo', ['int64_t', 'uint32_t']);
const gettidCall = bind<[]>('int', 'gettid', []);
const dup3 = bind<[number, number, number]>('int', 'dup3', ['int', 'int', 'int']);
const fcntl = bind<[number, number, number]>('int', 'fcntl', ['int', 'int', 'int']);
const exitCall = bind<[number]>('int', '_exit', ['int']);

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** fcntl(2), "File Sealing": its size stays, and so do the seals. */
const F_ADD_SEALS = 1033;
const SEAL_SIZE = 0x1 | 0x2 | 0x4;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const RLIMIT_NOFILE = 7;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0x800;

/** Closes a descriptor we own. A descriptor that is not open is a programmer's error. */
export function closeFd(fd: number): void {
  // Linux releases the descriptor whatever close() says; EBADF alone would mean we do not own it.
  if (closeCall(fd) === -1 && errno() === 9) throw new SystemError('close', 9, `descriptor ${fd}`);
}

/** Has `fd` refer to what `other` refers to (dup3(2)); children inherit it. They must not be the same. */
export function replaceDescriptor(fd: number, other: number): void {
  if (dup3(other, fd, 0) === -1) throw new SystemError('dup3', errno(), `descriptor ${fd}`);
}

/** Whether writing to `fd` may wait, for all who share its open file description (fcntl(2), F_SETFL). */
export function setBlocking(fd: number, blocking: boolean): void {
  const flags = fcntl(fd, F_GETFL, 0);
  const wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (flags === -1 || fcntl(fd, F_SETFL, wanted) === -1) {
    throw new SystemError('fcntl', errno(), `descriptor ${fd}`);
  }
}

/** Ends the process at once, whatever its threads do (_exit(2)); no listener of 'exit' is called. */
export function endNow(code: number): void {
  exitCall(code);
}

/** Makes a named pipe, fifo(7); throws SystemError (EEXIST where there is something). */
export function makeFifo(path: string, mode: number): void {
  const cPath = cString(path);
  if (mkfifo(addressOf(cPath), mode) === -1) throw new SystemError('mkfifo', errno(), path);
}

/**
 * A descriptor of anonymous shared memory, close-on-exec; the caller owns it. Its size is sealed: whoever else
 * gets it could shrink it otherwise, and the next look at the mapped memory would end this process by SIGBUS.
 */
export function createSharedMemory(name: string, bytes: number): number {
  const cName = cString(name);
  const fd = memfdCreate(addressOf(cName), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd === -1) throw new SystemError('memfd_create', errno(), name);
  if (ftruncate(fd, bytes) === -1) throw new SystemError('ftruncate', errno(), name);
  if (fcntl(fd, F_ADD_SEALS, SEAL_SIZE) === -1) throw new SystemError('fcntl', errno(), name);
  return fd;
}

/** Maps shared memory for the life of the process. The descriptor may be closed afterwards. */
export function mapSharedMemory(fd: number, bytes: number): ArrayBuffer {
  const address = mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === -1) throw new SystemError('mmap', errno(), `descriptor ${fd}`);
  return viewOf(address, bytes);
}

/** RLIMIT_NOFILE, raised to the hard limit as far as the kernel lets us; returns what is in force. */
export function raiseFileLimit(): number {
  const limits = pinnedBuffer(16);
  if (getrlimit(RLIMIT_NOFILE, addressOf(limits)) === -1) {
    throw new SystemError('getrlimit', errno());
  }
  limits.writeBigUInt64LE(limits.readBigUInt64LE(8), 0);
  setrlimit(RLIMIT_NOFILE, addressOf(limits));
  getrlimit(RLIMIT_NOFILE, addressOf(limits));
  return Number(limits.readBigUInt64LE(0));
}

/** Thread id of the calling thread (gettid(2)). */
export function gettid(): number {
  return gettidCall();
}
