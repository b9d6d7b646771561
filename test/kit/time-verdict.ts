/**
 * Verdicts of tests about time. A test measures from an event that it observed, and judges with the
 * attempt that it is given. What fails while the machine was so late that this may be why is inconclusive:
 * it is said, and tried again, a few times; then it fails. What the machine's lateness cannot explain fails
 * at once.
 */

import { AssertionError } from 'node:assert';
import type { TestContext } from 'node:test';
import { type Lateness, LatenessMeter } from './lateness.ts';

/** Attempts in all. */
const ATTEMPTS = 4;
/** Late in one piece by so much, a machine may spoil what is counted, not only what is timed. */
const SPOILS_COUNTS_MS = 25;
/** Begins what the run's last page gathers. */
export const INCONCLUSIVE = 'inconclusive, machine late by';

export type Attempt = {
  /** `ms`, measured from an event on, is no more than `boundMs`. */
  readonly atMost: (ms: number, boundMs: number, what: string) => void;
  /** A count, or anything else that comes out wrong on a machine that pauses. */
  readonly holds: (condition: boolean, what: string) => void;
};

/** What tells how late the machine is. */
export type Meter = Pick<LatenessMeter, 'reset' | 'read' | 'close'>;

class Failure extends Error {
  /** By how much a time is over its bound; null: it is no time. */
  readonly excessMs: number | null;

  constructor(text: string, excessMs: number | null) {
    super(text);
    this.excessMs = excessMs;
  }
}

const ATTEMPT: Attempt = {
  atMost: (ms, boundMs, what) => {
    if (ms <= boundMs) return;
    throw new Failure(`${what}: ${ms.toFixed(1)} ms, at most ${boundMs} expected`, ms - boundMs);
  },
  holds: (condition, what) => {
    if (!condition) throw new Failure(what, null);
  },
};

/** Runs `body`, more than once if the machine was too late to judge; it begins anew each time. */
export async function judged(
  t: Pick<TestContext, 'diagnostic'>,
  body: (attempt: Attempt) => Promise<void>,
  startMeter: () => Promise<Meter> = LatenessMeter.start,
): Promise<void> {
  const meter = await startMeter();
  try {
    for (let attempt = 1; ; attempt++) {
      meter.reset();
      const failure = await failureOf(body);
      if (failure === null) return;
      const lateness = meter.read();
      const lateMs = Math.ceil(explains(failure, lateness));
      if (lateMs === 0 || attempt === ATTEMPTS) {
        const tries = attempt === 1 ? '' : ` (attempt ${attempt} of ${ATTEMPTS})`;
        const late = `the machine was late by ${lateness.totalMs.toFixed()} ms in all`;
        throw new AssertionError({ message: `${failure.message}${tries}; ${late}` });
      }
      t.diagnostic(`${INCONCLUSIVE} ${lateMs} ms: ${failure.message}`);
    }
  } finally {
    await meter.close();
  }
}

async function failureOf(body: (attempt: Attempt) => Promise<void>): Promise<Failure | null> {
  try {
    await body(ATTEMPT);
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** How late the machine was, where that may be the reason; 0: it is not. */
function explains({ excessMs }: Failure, { totalMs, longestMs }: Lateness): number {
  if (excessMs === null) return longestMs >= SPOILS_COUNTS_MS ? longestMs : 0;
  return totalMs >= excessMs ? totalMs : 0;
}
