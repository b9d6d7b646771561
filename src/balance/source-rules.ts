/** Who may connect: allow and deny rules over source addresses, the first match decides. */

import type { SourceRule } from '../config/model/traffic.ts';
import { assert } from '../core/assert.ts';
import { type Network, networkHolds, parseNetwork } from '../core/network.ts';

type Rule = { readonly allow: boolean; readonly networks: readonly Network[] };

export class SourceRules {
  readonly #rules: readonly Rule[];

  /** The networks have been checked by the front end. */
  constructor(rules: readonly SourceRule[]) {
    this.#rules = rules.map(({ action, networks }) => ({
      allow: action === 'allow',
      networks: networks.map((text) => {
        const network = parseNetwork(text);
        assert(network.ok, 'the networks of a configuration are networks');
        return network.value;
      }),
    }));
  }

  /** `address`: 16 bytes, IPv4 in its mapped form. */
  allows(address: Uint8Array): boolean {
    for (const { allow, networks } of this.#rules) {
      if (networks.length === 0 || networks.some((one) => networkHolds(one, address))) return allow;
    }
    return true;
  }
}
