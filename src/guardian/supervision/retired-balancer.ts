/** A balancer in whose place another serves: it finishes the connections it has. One at a time, watched as others are. */

import type { BalancerToGuardian } from '../../contracts/protocol.ts';
import type { Log } from '../log.ts';
import type { BalancerProcess } from './balancer-process.ts';

export type RetiredOptions = {
  readonly log: Log;
  /** Called with the pid of each. */
  readonly onPid: (pid: number) => void;
  /** It broke the protocol: what to say of it. */
  readonly countBreach: (why: string) => string;
  /** It wants a check run for it, or not any more. */
  readonly onCheck: (
    asker: BalancerProcess,
    message: Extract<BalancerToGuardian, { readonly kind: 'check' }>,
  ) => void;
};

export class RetiredBalancer {
  readonly #options: RetiredOptions;
  #current: BalancerProcess | null = null;

  constructor(options: RetiredOptions) {
    this.#options = options;
  }

  /** null: there is none. */
  get pid(): number | null {
    return this.#current?.pid ?? null;
  }

  /** Has it finish; one that still does from before is ended. */
  take(balancer: BalancerProcess): void {
    const { log, onPid } = this.#options;
    if (this.#current !== null) {
      log('warning', `Balancer ${this.#current.pid} is ended, with the connections it still has`);
      this.end();
    }
    this.#current = balancer;
    log('info', `Balancer ${balancer.pid} finishes the connections it has`);
    if (balancer.pid !== null) onPid(balancer.pid);
    balancer.adopt({
      message: (message) => {
        const told = `Balancer ${balancer.pid}, which finishes: `;
        if (message.kind === 'log') log(message.level, `${told}${message.text}`);
        if (message.kind === 'check') this.#options.onCheck(balancer, message);
      },
      breach: (why) => this.#giveUp(balancer, this.#options.countBreach(why)),
      ended: (why) => {
        if (this.#current !== balancer) return;
        this.#current = null;
        log('info', `Balancer ${balancer.pid} has finished: ${why}`);
      },
    });
    balancer.send({ kind: 'retire' });
  }

  /** Kills one that hangs. */
  checkBeats(everyMs: number): void {
    const hung = this.#current?.checkBeats(everyMs) ?? null;
    if (this.#current !== null && hung !== null) this.#giveUp(this.#current, hung);
  }

  /** Whatever it still has. */
  end(): void {
    const balancer = this.#current;
    this.#current = null;
    balancer?.kill();
  }

  #giveUp(balancer: BalancerProcess, why: string): void {
    this.#options.log('warning', `Balancer ${balancer.pid}, which finishes, is killed: ${why}`);
    balancer.kill();
  }
}
