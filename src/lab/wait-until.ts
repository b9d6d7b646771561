/** Waiting on a condition, with a bound. */

import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from './lab-error.ts';

export type WaitOptions = {
  /** What is waited for, for the message: "Waited 5000 ms in vain for <what>". */
  readonly what: string;
  readonly boundMs: number;
  readonly everyMs?: number;
  /** Said with the failure: the last thing seen. */
  readonly seen?: () => string;
};

/** Resolves with the milliseconds it took; LabError when `condition` is not true within the bound. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: WaitOptions,
): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > options.boundMs) {
      const seen = options.seen === undefined ? '' : ` (last seen: ${options.seen()})`;
      throw new LabError(`Waited ${options.boundMs} ms in vain for ${options.what}${seen}`);
    }
    await sleep(options.everyMs ?? 50);
  }
  return performance.now() - start;
}
