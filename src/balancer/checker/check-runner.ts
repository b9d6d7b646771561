/** The checks of a checker: run when they are asked for, each server's one at a time. */

import { cutResult } from '../../contracts/protocol-table.ts';
import type { ApartCheck } from '../../health/apart.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { Check, CheckTarget } from '../checks/check.ts';
import { createCheck } from '../checks/create-check.ts';

type Known = {
  /** As the guardian told it. */
  readonly plan: ApartCheck;
  target: CheckTarget;
  check: Check;
  running: number | null;
};

/** What there is no check for: the guardian and its balancer are of two minds about the configuration for a moment. */
const UNKNOWN: CheckResult = {
  status: 'SOCKERR',
  passed: false,
  inconclusive: true,
  info: 'This check has just changed',
  durationMs: 0,
};

export class CheckRunner {
  readonly #tell: (id: number, result: CheckResult) => void;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(tell: (id: number, result: CheckResult) => void) {
    this.#tell = tell;
  }

  /** These, and no others, from now on; one that stays the same keeps its connection. */
  take(checks: readonly ApartCheck[]): void {
    const before = this.#known;
    const next = new Map<string, Known>();
    for (const each of checks) {
      const { backend, server, config } = each;
      const name = nameOf(backend, server);
      const known = before.get(name);
      const stays = known !== undefined && JSON.stringify(known.plan) === JSON.stringify(each);
      const target = targetOf(each);
      const fresh = () => ({
        plan: each,
        target,
        check: createCheck(config, target),
        running: null,
      });
      next.set(name, stays ? known : fresh());
    }
    this.#known = next;
    for (const [name, known] of before) if (next.get(name) !== known) this.#stop(known);
  }

  /** Answers exactly once. `target`: where the server is now, as a balancer says. */
  run(id: number, backend: string, server: string, target: CheckTarget): void {
    const known = this.#known.get(nameOf(backend, server));
    if (known === undefined || known.running !== null) {
      this.#tell(id, UNKNOWN);
      return;
    }
    follow(known, target);
    known.running = id;
    known.check.run((result) => {
      known.running = null;
      this.#tell(id, cutResult(result));
    });
  }

  /** Lets go of what a check keeps for the next one. */
  end(backend: string, server: string): void {
    const known = this.#known.get(nameOf(backend, server));
    if (known !== undefined) this.#stop(known);
  }

  #stop(known: Known): void {
    known.check.close();
    const { running } = known;
    known.running = null;
    if (running !== null) this.#tell(running, UNKNOWN);
  }
}

/**
 * Goes where a balancer says only where the server there has to prove that it is the one: otherwise whoever got into the
 * balancer could have a password told to himself.
 */
function follow(known: Known, { host, port }: CheckTarget): void {
  const { config } = known.plan;
  const isSame = host === known.target.host && port === known.target.port;
  if (isSame || config.kind === 'tcp' || config.tls?.verify !== 'required') return;
  known.check.close();
  known.target = { ...known.target, host, port };
  known.check = createCheck(config, known.target);
}

function targetOf({ host, port, source }: ApartCheck): CheckTarget {
  return { host, port, ...(source === undefined ? {} : { localAddress: source }) };
}

/** Names have no zero bytes. */
function nameOf(backend: string, server: string): string {
  return `${backend}\0${server}`;
}
