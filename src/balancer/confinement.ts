/** What a balancer that is ready needs no more, it cannot do any more, whoever gets into it (docs/security.md). */

import { stat } from 'node:fs/promises';
import { errorName } from '../linux/errno.ts';
import { startNothingMore } from '../linux/rights.ts';
import { forbidSystemCalls } from '../linux/system-call-filter.ts';

/**
 * After all threads are there and the account is changed. What the kernel does not do, in a sentence; null: it does
 * all. There is no way back.
 */
export async function confine(): Promise<string | null> {
  // Whoever asks first has libuv start its threads: later they could not be started.
  await stat('/');
  const limited = startNothingMore();
  const filtered = forbidSystemCalls();
  if (limited === 0 && filtered === 0) return null;
  const [what, error] =
    filtered === 0 ? ['RLIMIT_NPROC', limited] : ['its filter of system calls', filtered];
  return `The balancer runs with more rights than it needs: ${what} is refused (${errorName(error)})`;
}
