/** Classic BPF (linux/filter.h), on packet sockets: frames nobody asked for do not wake us. */

import { addressOf } from './libc.ts';
import { SOL_SOCKET, setOptionBytes } from './sockets.ts';

const SO_ATTACH_FILTER = 26;
export const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
export const JUMP_EQUAL = 0x15;
export const RETURN = 0x06;
/** struct sock_fprog, struct sock_filter. */
const HEAD_BYTES = 16;
const INSTRUCTION_BYTES = 8;

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

/** struct sock_fprog, which leads to the instructions behind it in the same memory. */
export function filterProgram(program: readonly Instruction[]): Buffer {
  const memory = Buffer.alloc(HEAD_BYTES + program.length * INSTRUCTION_BYTES);
  for (const [index, [operation, jumpTrue, jumpFalse, value]] of program.entries()) {
    const at = HEAD_BYTES + index * INSTRUCTION_BYTES;
    memory.writeUInt16LE(operation, at);
    memory.writeUInt8(jumpTrue, at + 2);
    memory.writeUInt8(jumpFalse, at + 3);
    memory.writeUInt32LE(value, at + 4);
  }
  // Length, padding, pointer.
  memory.writeUInt16LE(program.length, 0);
  memory.writeBigUInt64LE(BigInt(addressOf(memory) + HEAD_BYTES), 8);
  return memory.subarray(0, HEAD_BYTES);
}
