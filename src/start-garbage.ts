/**
 * A process of ours makes most of its garbage while it starts, and afterwards too little for a collection to come:
 * 3 to 5 MB stay resident in each for good.
 */

import { trimHeap } from './linux/libc.ts';

/** Start and first checks are over then, unless the machine is very slow; then something is left. */
const AFTER_MS = 3000;

/** Needs `--expose-gc` (bin/evergate); does nothing without. */
export function dropStartGarbage(): void {
  setTimeout(dropGarbageNow, AFTER_MS).unref();
}

/** Takes some milliseconds, and waits for threads of the engine: not where somebody waits for this thread. */
export function dropGarbageNow(): void {
  // Any other kind keeps the memory for later.
  globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'sync' });
  trimHeap();
}
