/**
 * Checks that need a secret, as the balancer sees them: the guardian has them run in another process (health/apart.ts),
 * and says what came of them. When they are run is decided here, as for all others.
 */

import type { BalancerToGuardian } from '../../contracts/protocol.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { Check, CheckTarget } from './check.ts';

/** What is made of one that was broken off when its time was over. */
const OUT_OF_TIME: Pick<CheckResult, 'status' | 'passed' | 'info'> = {
  status: 'L7TOUT',
  passed: false,
  info: '',
};

/** It says nothing about the server that nobody could look. */
const NOT_RUN: CheckResult = {
  status: 'SOCKERR',
  passed: false,
  inconclusive: true,
  info: 'The process that runs this check is not there; the guardian starts another',
  durationMs: 0,
};

type Asked = Extract<BalancerToGuardian, { readonly kind: 'check' | 'end-check' }>;

export class ApartChecks {
  readonly #send: (message: Asked) => void;
  readonly #waiting = new Map<number, (result: CheckResult) => void>();
  #nextId = 1;

  constructor(send: (message: Asked) => void) {
    this.#send = send;
  }

  /** One server's, by the names of the configuration. */
  create(backend: string, server: string, { host, port }: CheckTarget): Check {
    let asked: number | null = null;
    let expired = false;
    return {
      run: (done) => {
        const id = this.#nextId++;
        const startedAt = performance.now();
        asked = id;
        expired = false;
        this.#waiting.set(id, (result) => {
          asked = null;
          const durationMs = performance.now() - startedAt;
          done(expired && !result.passed ? { ...OUT_OF_TIME, durationMs } : result);
        });
        // A guardian that is gone answers nothing: the servers stay as they are for as long as we go on without it.
        this.#send({ kind: 'check', id, backend, server, host, port });
      },
      expire: () => {
        if (asked === null || expired) return;
        expired = true;
        // Who runs it breaks it off, and says so: it is free for the next one then.
        this.#send({ kind: 'end-check', backend, server });
      },
      close: () => {
        if (asked !== null) this.#waiting.delete(asked);
        asked = null;
        this.#send({ kind: 'end-check', backend, server });
      },
    };
  }

  /** What the guardian says of a check; one that nobody waits for any more is dropped. */
  answer(id: number, result: CheckResult | null): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(result ?? NOT_RUN);
  }
}
