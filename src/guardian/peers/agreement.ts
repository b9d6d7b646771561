/** Whether the files of the other nodes agree with the one here, by what these tell and by what their VRRP shows. */

import type { InstanceStatus } from '../../stats/status.ts';
import type { Log } from '../log.ts';
import type { FactsExchange } from './facts-exchange.ts';

export type AgreementOptions = {
  readonly log: Log;
  readonly facts: FactsExchange;
  readonly instances: () => readonly InstanceStatus[];
  /** Of the nodes, by address. */
  readonly names: () => ReadonlyMap<string, string>;
};

export class Agreement {
  readonly #options: AgreementOptions;
  #told: ReadonlySet<string> = new Set();

  constructor(options: AgreementOptions) {
    this.#options = options;
  }

  /** "k8s-node1 has vip 192.168.1.95/24, here 192.168.1.94/24"; empty: nothing is known to differ. */
  differences(): readonly string[] {
    const { facts, instances, names } = this.#options;
    const { known } = facts;
    const named = names();
    const seen = instances().flatMap(({ differs = [] }) =>
      differs.flatMap(({ source, fact, theirs, here }) => {
        const name = named.get(source);
        // Who tells what its file has need not be guessed at.
        if (name === undefined || known.has(source)) return [];
        return [`${name} has ${fact} ${theirs}, here ${here}`];
      }),
    );
    return [...new Set([...facts.differences(), ...seen])];
  }

  /** Logs what has changed since the last look. */
  look(): void {
    const now = new Set(this.differences());
    const { log } = this.#options;
    for (const text of now) {
      if (!this.#told.has(text)) log('warning', `The files of the nodes differ: ${text}`);
    }
    for (const text of this.#told) {
      if (!now.has(text)) log('info', `No longer so: ${text}`);
    }
    this.#told = now;
  }
}
