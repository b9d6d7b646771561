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

const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
/** More than there are: the mask has 64 bits. */
const CAPABILITIES_MAX = 64;
const RLIMIT_NPROC = 6;

/**
 * Nothing that is run from now on has more rights than this thread: set-user-ID and file capabilities are without
 * effect, and the bounding set is empty where we may empty it. Of this thread and those it starts, so it comes
 * first. 0 or the errno.
 */
export function gainNoRights(): number {
  for (let capability = 0; capability < CAPABILITIES_MAX; capability += 1) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;
    // EPERM: who is not root has nothing to gain there but by what the next call forbids.
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 ? 0 : errno();
}

/** No process or thread more, of an account other than root. 0 or the errno. */
export function startNothingMore(): number {
  // struct rlimit: now, and at most.
  const limit = pinnedBuffer(16);
  return setrlimit(RLIMIT_NPROC, addressOf(limit)) === 0 ? 0 : errno();
}
