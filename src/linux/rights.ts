/** Rights a process gives up for itself and all it will start: prctl(2), capabilities(7), setrlimit(2). */

import { addressOf, bind, errno, pinnedBuffer } from './libc.ts';

const prctl = bind<[number, number, number, number, number]>('int', 'prctl', [
  'int',
  'int64_t',
  'int64_t',
  'int64_t',
  'int64_t',
]);
const setrlimit = bind<[number, number]>('int', 'setrlimit', ['int', 'int64_t']);

const capget = bind<[number, number]>('int', 'capget', ['int64_t', 'int64_t']);
const capset = bind<[number, number]>('int', 'capset', ['int64_t', 'int64_t']);

/** By their bits (linux/capability.h): those that something of ours needs. */
const CAPABILITIES = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_PTRACE: 19,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
} as const;

export type Capability = keyof typeof CAPABILITIES;

/** _LINUX_CAPABILITY_VERSION_3: two words for each set. */
const CAPABILITY_VERSION = 0x2008_0522;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
/** More than there are: the mask has 64 bits. */
const CAPABILITIES_MAX = 64;
const RLIMIT_NPROC = 6;

/**
 * Nothing that is run from now on has more rights than this thread: set-user-ID and file capabilities are without
 * effect, and the bounding set has no more than `kept` where we may change it. Of this thread and those it starts, so
 * it comes first. 0 or the errno.
 */
export function gainNoRights(kept: readonly Capability[] = []): number {
  const stays = new Set(kept.map((name): number => CAPABILITIES[name]));
  for (let capability = 0; capability < CAPABILITIES_MAX; capability += 1) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;
    if (stays.has(capability)) continue;
    // EPERM: who is not root has nothing to gain there but by what the next call forbids.
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 ? 0 : errno();
}

/**
 * Has these capabilities in force, as far as it may, and no others: of this thread and those it starts. What it runs as
 * root has all of the bounding set again. 0 or the errno.
 */
export function keepCapabilities(kept: readonly Capability[]): number {
  const header = pinnedBuffer(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  // struct __user_cap_data_struct, twice: effective, permitted, inheritable.
  const data = pinnedBuffer(24);
  if (capget(addressOf(header), addressOf(data)) !== 0) return errno();
  const wanted = kept.reduce((mask, name) => mask | (1 << CAPABILITIES[name]), 0);
  const permitted = (data.readUInt32LE(4) & wanted) >>> 0;
  const inheritable = (data.readUInt32LE(8) & wanted) >>> 0;
  for (const [index, set] of [permitted, permitted, inheritable].entries()) {
    data.writeUInt32LE(set, 4 * index);
    // All of ours are in the first word.
    data.writeUInt32LE(0, 12 + 4 * index);
  }
  return capset(addressOf(header), addressOf(data)) === 0 ? 0 : errno();
}

/**
 * Whether the capabilities of this thread, and of those it starts, outlive a change of its account, out of force then
 * (PR_SET_KEEPCAPS). 0 or the errno.
 */
export function outliveAccount(outlive: boolean): number {
  return prctl(PR_SET_KEEPCAPS, outlive ? 1 : 0, 0, 0, 0) === 0 ? 0 : errno();
}

/** No process or thread more, of an account other than root. 0 or the errno. */
export function startNothingMore(): number {
  // struct rlimit: now, and at most.
  const limit = pinnedBuffer(16);
  return setrlimit(RLIMIT_NPROC, addressOf(limit)) === 0 ? 0 : errno();
}
