/** The thread of lateness.ts: sleeps a little, again and again, and adds up how much longer it slept. */

import { workerData } from 'node:worker_threads';
import { type LatenessMemory, LONGEST, NAP_MS, STOPPED, TOTAL } from './lateness.ts';

/** What any machine sleeps too long, in ms. */
const ORDINARY_MS = 1;

const { numbers, flags } = workerData as LatenessMemory;
while (Atomics.load(flags, STOPPED) === 0) {
  const from = performance.now();
  Atomics.wait(flags, STOPPED, 0, NAP_MS);
  const lateMs = performance.now() - from - NAP_MS;
  if (lateMs <= ORDINARY_MS || Atomics.load(flags, STOPPED) !== 0) continue;
  numbers[TOTAL] = (numbers[TOTAL] ?? 0) + lateMs;
  numbers[LONGEST] = Math.max(numbers[LONGEST] ?? 0, lateMs);
}
