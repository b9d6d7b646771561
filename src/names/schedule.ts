/** When a name is asked for again, where no `resolvers` section says so: by the TTL of its answer. */

import type { Answer } from './answer.ts';

/** A TTL of 0 forbids to keep an answer, not to wait a moment. */
const INTERVAL_MS_MIN = 1000;
/** Longer answers are not believed: asking is cheap, and a record may be wrong. */
const INTERVAL_MS_MAX = 3_600_000;
/** Of answers that say nothing, as from /etc/hosts. */
const UNKNOWN_TTL_MS = 10_000;
/** While there is no answer, or servers of the name do not work where it leads. */
const TROUBLE_MS = 5000;

/** `trouble`: some server of the name is not up. */
export function askAgainMs(answer: Answer, trouble: boolean): number {
  if (answer.kind === 'failed') return TROUBLE_MS;
  const wantedMs = answer.ttlMs ?? UNKNOWN_TTL_MS;
  const ttlMs = Math.min(Math.max(wantedMs, INTERVAL_MS_MIN), INTERVAL_MS_MAX);
  return trouble ? Math.min(ttlMs, TROUBLE_MS) : ttlMs;
}

/** At once is at most so often, however often servers go down. */
export const SOON_MS = 1000;
