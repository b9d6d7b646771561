/**
 * What is known of one name over many answers, by HAProxy's rules of `hold` (configuration manual section 5.3.2):
 * what worked goes on to count while answers fail, until they have failed for too long.
 */

import type { HoldConfig } from '../config/model/names.ts';
import type { Answer, Failure, Target } from './answer.ts';

export type Knowledge = {
  /** What counts now, in the order of the last answer. */
  readonly known: readonly Seen[];
  /** ms; of the last valid answer, or when nobody had asked yet. */
  readonly validAt: number;
  /** What came of the last question; null: none was answered yet. */
  readonly outcome: 'valid' | Failure | null;
  /** Who gave the last valid answer; empty: nobody yet. */
  readonly by: string;
};

type Seen = Target & { readonly seenAt: number };

/** A system's resolver does not say when a name is to be given up: what worked stays until another answer. */
export const KEEP_FOR_GOOD: HoldConfig = {
  nx: Number.POSITIVE_INFINITY,
  refused: Number.POSITIVE_INFINITY,
  timeout: Number.POSITIVE_INFINITY,
  other: Number.POSITIVE_INFINITY,
  obsolete: 0,
};

export function knowNothing(now: number): Knowledge {
  return { known: [], validAt: now, outcome: null, by: '' };
}

/** `now`: ms, as all times here. */
export function learn(before: Knowledge, answer: Answer, hold: HoldConfig, now: number): Knowledge {
  if (answer.kind === 'failed') {
    const failed = { ...before, outcome: answer.failure };
    return lossOf(failed, hold, now) === null ? failed : { ...failed, known: [] };
  }
  const fresh = answer.targets.map((target) => ({ ...target, seenAt: now }));
  const missing = before.known.filter(
    (old) => !fresh.some((one) => isSame(one, old)) && now - old.seenAt < hold.obsolete,
  );
  return { known: [...fresh, ...missing], validAt: now, outcome: 'valid', by: answer.by };
}

/** Why servers of this name have no address any more; null: answers have not failed for so long. */
export function lossOf(
  { outcome, validAt }: Knowledge,
  hold: HoldConfig,
  now: number,
): Failure | null {
  if (outcome === null || outcome === 'valid') return null;
  return now - validAt >= hold[outcome] ? outcome : null;
}

/** Whether two targets lead to one place. */
function isSame(one: Target, other: Target): boolean {
  return one.host === other.host && one.port === other.port;
}
