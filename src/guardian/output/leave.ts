/** The end of a process that has lines to write. */

import { endNow } from '../../linux/files.ts';
import type { StreamWriter } from './stream-writer.ts';

/** How long the last lines may take to get out. */
export const LAST_LINES_MS = 500;

/** Ends the process after its last lines, or without them when they do not get out in time. */
export async function leave(writers: readonly StreamWriter[], code: number): Promise<never> {
  await Promise.all(writers.map((writer) => writer.flush(LAST_LINES_MS)));
  // Last of the listeners. Node would wait for a thread of the pool that may wait for ever.
  process.once('exit', () => {
    if (writers.some(({ isWriting }) => isWriting)) endNow(code);
  });
  process.exit(code);
}
