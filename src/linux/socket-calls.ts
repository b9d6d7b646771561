/**
 * The C library's calls on sockets, each bound once, with the flags that several of them take. They do what
 * their manual pages say: -1 and errno() on failure. datagram-calls.ts, stream-calls.ts and sockets.ts make
 * of them what the rest calls.
 */

import { bind } from './libc.ts';

export const socketCall = bind<[number, number, number]>('int', 'socket', ['int', 'int', 'int']);
export const bindCall = bind<[number, number, number]>('int', 'bind', [
  'int',
  'int64_t',
  'uint32_t',
]);
export const listenCall = bind<[number, number]>('int', 'listen', ['int', 'int']);
export const connectCall = bind<[number, number, number]>('int', 'connect', [
  'int',
  'int64_t',
  'uint32_t',
]);
export const recvCall = bind<[number, number, number, number]>('int64_t', 'recv', [
  'int',
  'int64_t',
  'size_t',
  'int',
]);
export const sendCall = bind<[number, number, number, number]>('int64_t', 'send', [
  'int',
  'int64_t',
  'size_t',
  'int',
]);
export const getsockoptCall = bind<[number, number, number, number, number]>('int', 'getsockopt', [
  'int',
  'int',
  'int',
  'int64_t',
  'int64_t',
]);
export const setsockoptCall = bind<[number, number, number, number, number]>('int', 'setsockopt', [
  'int',
  'int',
  'int',
  'int64_t',
  'uint32_t',
]);
export const getsocknameCall = bind<[number, number, number]>('int', 'getsockname', [
  'int',
  'int64_t',
  'int64_t',
]);

export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
