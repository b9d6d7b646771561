/**
 * What a process that only moves bytes never asks the kernel for, forbidden for all its threads and for good:
 * seccomp(2). Such a call fails with EPERM. Beside the point of it, the filter brings no_new_privs to threads that
 * were there before prctl(2) was called, which nothing else does.
 */

import { ENOSYS, EPERM, ESRCH } from '../errno.ts';
import { addressOf, bind, errno } from '../libc.ts';
import {
  filterProgram,
  type Instruction,
  JUMP_EQUAL,
  LOAD_WORD,
  RETURN,
} from '../packet-filter.ts';

const systemCall = bind<[number, number, number, number]>('int64_t', 'syscall', [
  'int64_t',
  'int64_t',
  'int64_t',
  'int64_t',
]);

const SECCOMP_SET_MODE_FILTER = 1;
/** All threads, or none. */
const FLAG_TSYNC = 1;
/** Older kernels slow every filtered process down against speculation of code that it is given; there is none. */
const FLAG_SPEC_ALLOW = 4;
const RETURN_ALLOW = 0x7fff_0000;
const RETURN_ERRNO = 0x0005_0000;
const JUMP_GREATER_EQUAL = 0x35;
const AND = 0x54;
const JUMP_SET = 0x45;
/** struct seccomp_data. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
/** Both machines have the low word of an argument first. */
const FIRST_ARGUMENT_OFFSET = 16;
const ARGUMENT_BYTES = 8;
/** Calls of the x32 ABI, which have numbers of their own for the same. */
const X32_BIT = 0x4000_0000;

type Machine = 'x64' | 'arm64';

/** linux/audit.h */
const ARCHITECTURES: Readonly<Record<Machine, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
const SECCOMP: Readonly<Record<Machine, number>> = { x64: 317, arm64: 277 };

/** Numbers of asm/unistd_64.h and asm-generic/unistd.h. */
type Calls = Readonly<Record<string, Readonly<Record<Machine, number>>>>;

const PROGRAMS: Calls = {
  execve: { x64: 59, arm64: 221 },
  execveat: { x64: 322, arm64: 281 },
};

/** Where they exist, they only ever make processes. */
const FORKS: Readonly<Record<Machine, readonly number[]>> = { x64: [57, 58], arm64: [] };
const CLONE: Readonly<Record<Machine, number>> = { x64: 56, arm64: 220 };
const CLONE_THREAD = 0x0001_0000;
/** Its flags are behind a pointer, which a filter cannot follow. */
const CLONE3 = 435;

const FORBIDDEN: Calls = {
  // Other processes of the account.
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  pidfd_getfd: { x64: 438, arm64: 438 },
  // Another view of the machine, in which one is root.
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  chroot: { x64: 161, arm64: 51 },
  pivot_root: { x64: 155, arm64: 41 },
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  open_tree: { x64: 428, arm64: 428 },
  move_mount: { x64: 429, arm64: 429 },
  fsopen: { x64: 430, arm64: 430 },
  // Code in the kernel, and parts of it that are seldom needed and often attacked.
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  userfaultfd: { x64: 323, arm64: 282 },
  // Opens sockets, and more, past this filter.
  io_uring_setup: { x64: 425, arm64: 425 },
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
};

/** Sockets of these numbers and kinds see and send packets as they are: those of other processes, forged ones. */
const SOCKET: Readonly<Record<Machine, number>> = { x64: 41, arm64: 198 };
const AF_NETLINK = 16;
const AF_PACKET = 17;
const SOCK_TYPE_MASK = 0xf;
const SOCK_RAW = 3;
const SOCK_PACKET = 10;

/**
 * `mayRun`: it runs programs, which are held as it is; otherwise it starts threads at most. `mayForge`: it opens raw sockets. 0 or the errno: EINVAL, ENOSYS
 * where the kernel has no filters, EACCES without no_new_privs (rights.ts). ESRCH: one of the threads cannot have it,
 * and none has.
 */
export function forbidSystemCalls({ mayRun = false, mayForge = false } = {}): number {
  const machine = process.arch;
  if (machine !== 'x64' && machine !== 'arm64') return ENOSYS;
  const program = filterProgram(instructionsFor(machine, mayRun, mayForge));
  const flags = FLAG_TSYNC | FLAG_SPEC_ALLOW;
  const result = systemCall(SECCOMP[machine], SECCOMP_SET_MODE_FILTER, flags, addressOf(program));
  if (result === 0) return 0;
  return result > 0 ? ESRCH : errno();
}

function instructionsFor(
  machine: Machine,
  mayRun: boolean,
  mayForge: boolean,
): readonly Instruction[] {
  const forbidden = Object.values(mayRun ? FORBIDDEN : { ...PROGRAMS, ...FORBIDDEN });
  const numbers = [...forbidden.map((call) => call[machine]), ...(mayRun ? [] : FORKS[machine])];
  const sockets = mayForge ? [] : socketInstructions(SOCKET[machine]);
  const starts = mayRun ? [] : startInstructions(CLONE[machine], sockets.length);
  const behind = starts.length + sockets.length;
  const toRefusal = numbers.length + behind + 1;
  return [
    [LOAD_WORD, 0, 0, ARCHITECTURE_OFFSET],
    // A foreign architecture has other numbers: nothing of it.
    [JUMP_EQUAL, 0, toRefusal + 2, ARCHITECTURES[machine]],
    [LOAD_WORD, 0, 0, NUMBER_OFFSET],
    [JUMP_GREATER_EQUAL, toRefusal, 0, X32_BIT],
    ...numbers.map((number, index): Instruction => {
      return [JUMP_EQUAL, numbers.length - index + behind, 0, number];
    }),
    ...starts,
    ...sockets,
    [RETURN, 0, 0, RETURN_ALLOW],
    [RETURN, 0, 0, RETURN_ERRNO | EPERM],
    [RETURN, 0, 0, RETURN_ERRNO | ENOSYS],
  ];
}

/** With the number of the call loaded, and `behind` instructions between them and the three that decide. */
function startInstructions(clone: number, behind: number): readonly Instruction[] {
  return [
    // Libraries take the other call when this one is not there.
    [JUMP_EQUAL, behind + 5, 0, CLONE3],
    [JUMP_EQUAL, 0, 2, clone],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT_OFFSET],
    [JUMP_SET, behind, behind + 1, CLONE_THREAD],
  ];
}

/**
 * With the number of the call loaded; what they let pass goes on behind them, the rest to the instruction after that.
 * socket(2) has family and type in words of 32 bits: what a caller writes above them the kernel does not read.
 */
function socketInstructions(socket: number): readonly Instruction[] {
  return [
    [JUMP_EQUAL, 0, 7, socket],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT_OFFSET],
    [JUMP_EQUAL, 6, 0, AF_PACKET],
    // Those are called raw, and are harmless.
    [JUMP_EQUAL, 4, 0, AF_NETLINK],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT_OFFSET + ARGUMENT_BYTES],
    [AND, 0, 0, SOCK_TYPE_MASK],
    [JUMP_EQUAL, 2, 0, SOCK_RAW],
    [JUMP_EQUAL, 1, 0, SOCK_PACKET],
  ];
}
