/** Classic BPF (linux/filter.h), on packet sockets: frames nobody asked for do not wake us. */

import { addressOf, pinnedBuffer } from './libc.ts';
import { SOL_SOCKET, setOptionBytes } from './sockets.ts';

const SO_ATTACH_FILTER = 26;
export const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
export const JUMP_EQUAL = 0x15;
export const RETURN = 0x06;

export type Instruction = readonly [
  code: number,
  jumpTrue: number,
  jumpFalse: number,
  value: number,
];

/** Jumps are one byte. */
export const WATCHED_MAX = 250;

/**
 * Takes frames whose bytes are as `bytes` says and whose 4 bytes at `offset` are one of `words` (at most
 * WATCHED_MAX). Throws SystemError.
 */
export function attachFilter(
  fd: number,
  bytes: readonly { readonly offset: number; readonly value: number }[],
  offset: number,
  words: readonly number[],
): void {
  // Behind the tests of bytes: one load, the tests of words, and the refusal.
  const refusalAt = bytes.length * 2 + 1 + words.length;
  const program: readonly Instruction[] = [
    ...bytes.flatMap(({ offset: at, value }, index): Instruction[] => [
      [LOAD_BYTE, 0, 0, at],
      [JUMP_EQUAL, 0, refusalAt - (index * 2 + 2), value],
    ]),
    [LOAD_WORD, 0, 0, offset],
    ...words.map((word, index): Instruction => [JUMP_EQUAL, words.length - index, 0, word]),
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, 0xffffffff],
  ];
  setOptionBytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, filterProgram(program));
}

/** struct sock_fprog, with the instructions that it leads to. */
export function filterProgram(program: readonly Instruction[]): Buffer {
  // Pinned: the kernel reads it through a pointer.
  const code = pinnedBuffer(4096);
  for (const [index, [operation, jumpTrue, jumpFalse, value]] of program.entries()) {
    code.writeUInt16LE(operation, index * 8);
    code.writeUInt8(jumpTrue, index * 8 + 2);
    code.writeUInt8(jumpFalse, index * 8 + 3);
    code.writeUInt32LE(value, index * 8 + 4);
  }
  // struct sock_fprog: length, padding, pointer.
  const filter = Buffer.alloc(16);
  filter.writeUInt16LE(program.length, 0);
  filter.writeBigUInt64LE(BigInt(addressOf(code)), 8);
  return filter;
}
