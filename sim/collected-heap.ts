/** What is left of the JavaScript heap after a collection. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes; takes some milliseconds. */
export function collectedHeapBytes(): number {
  collect();
  // What finalizers of the first let go of.
  collect();
  return process.memoryUsage().heapUsed;
}
