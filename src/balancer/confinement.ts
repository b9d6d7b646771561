/** What a balancer needs no more, it cannot do any more, whoever gets into it (docs/security.md). */

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Granted, restrictFiles } from '../linux/confinement/landlock.ts';
import { forbidSystemCalls } from '../linux/confinement/system-call-filter.ts';
import { errorName } from '../linux/errno.ts';
import { gainNoRights, startNothingMore } from '../linux/rights.ts';

/** A checkout runs a file of src/balancer/, a package one of dist/. */
const ENTRY = process.argv[1] ?? '';
const ROOT = ENTRY.endsWith('.ts')
  ? ENTRY.slice(0, ENTRY.lastIndexOf('/src/'))
  : join(dirname(ENTRY), '..');

/** Beside the code: what the engine, OpenSSL and the C library look up whenever they want to. */
const READ = [
  ROOT,
  // It may be a link.
  join(ROOT, 'node_modules'),
  ...['/etc', '/usr', '/lib', '/lib64', '/proc', '/sys/fs/cgroup', '/sys/devices/system'],
  // Where /etc/resolv.conf may lead.
  ...['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager', '/run/nscd'],
  ...['/dev/null', '/dev/urandom'],
];

/** Before any thread: what the kernel refused of the files' part, 0 for nothing. */
export function confineEarly(): number {
  gainNoRights();
  const cache = process.env.NODE_COMPILE_CACHE;
  return restrictFiles([
    ...READ.map((path): Granted => ({ path, access: 'read' })),
    // Written once, as root; the account that it becomes may not (docs/adr/0005).
    ...(cache === undefined ? [] : [{ path: cache, access: 'write' } as const]),
  ]);
}

/**
 * Once the account is changed and all threads are there; `startsThreads`: all but some, after which confineThreads() is
 * called. No process is started from here on. What the kernel does not do, in a sentence; null: it does all. There is no
 * way back. `early`: what confineEarly() gave.
 */
export async function confine(early: number, startsThreads: boolean): Promise<string | null> {
  // Whoever asks first has libuv start its threads: later they could not be started.
  await stat('/');
  return sentenceOf([
    ['RLIMIT_NPROC', startsThreads ? 0 : startNothingMore()],
    ['its filter of system calls', forbidSystemCalls()],
    ['Landlock, which keeps it from files,', early],
  ]);
}

/** From here on there is no thread more, either. As confine(). */
export function confineThreads(): string | null {
  return sentenceOf([['RLIMIT_NPROC', startNothingMore()]]);
}

function sentenceOf(rights: readonly (readonly [name: string, error: number])[]): string | null {
  const refused = rights.filter(([, error]) => error !== 0);
  if (refused.length === 0) return null;
  const what = refused
    .map(([name, error]) => `${name} is refused (${errorName(error)})`)
    .join(', ');
  return `${process.title.replace('evergate: ', 'The ')} runs with more rights than it needs: ${what}`;
}
