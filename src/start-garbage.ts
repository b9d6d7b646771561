/**
 * What a process of ours does not use, and would keep. It makes most of its garbage while it starts, and afterwards too
 * little for a collection to come: 3 to 5 MB. And the C library keeps what the engine's compilers have freed, minutes
 * later, when they have found out what is hot: 2 to 5 MB.
 */

import { trimHeap } from './linux/libc.ts';

/** Start and first checks are over then, unless the machine is very slow; then something is left. */
const AFTER_MS = 3000;
const TRIM_INTERVAL_MS = 60_000;

/** For as long as the process runs. The first time it needs `--expose-gc` (bin/evergate). */
export function giveMemoryBack(): void {
  setTimeout(dropGarbageNow, AFTER_MS).unref();
  setInterval(trimHeap, TRIM_INTERVAL_MS).unref();
}

/** Takes some milliseconds, and waits for threads of the engine: not where somebody waits for this thread. */
export function dropGarbageNow(): void {
  // Any other kind keeps the memory for later.
  globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'sync' });
  trimHeap();
}
