/** The narrow interface every kind of health check is run by; one file per kind implements it. */

import type { CheckResult } from '../../health/server-state.ts';

export type CheckTarget = {
  readonly host: string;
  readonly port: number;
  /** Where connections come from; absent: as the kernel chooses. */
  readonly localAddress?: string;
};

export type Check = {
  /**
   * Starts a run; never while one is under way. `done` is called exactly once, unless close() comes before.
   * At that moment nothing of the run is left but what the check keeps for the next one, or a connection
   * that is closing within a second.
   */
  run(done: (result: CheckResult) => void): void;
  /** The run that is under way is out of time now: done() is called with what has been seen, soon. */
  expire(): void;
  /** Ends a run without a result and lets go of what was kept. The check may be run again. */
  close(): void;
};

/** A result without its duration, which the runner of the phases knows. */
export type Finding = Omit<CheckResult, 'durationMs'>;
