/**
 * What a relay thread keeps of root's rights: nothing, but where servers are to see addresses that are not this
 * machine's. Sockets of such addresses take CAP_NET_RAW, and only threads that open them have it (docs/adr/0028).
 */

import type { BalancerConfig } from '../../config/model/config.ts';
import { usesForeignAddresses } from '../../config/model/traffic.ts';
import { type Capability, keepCapabilities, outliveAccount } from '../../linux/rights.ts';

function capabilitiesFor({ backends }: BalancerConfig): readonly Capability[] {
  return usesForeignAddresses(backends) ? ['NET_RAW'] : [];
}

/** Of the thread that makes it, which starts no other. */
export class ThreadRights {
  #config: BalancerConfig;
  #settled = false;

  constructor(config: BalancerConfig) {
    this.#config = config;
    if (capabilitiesFor(config).length > 0) outliveAccount(true);
  }

  /** The account has changed: what outlived that comes back into force, as far as it is needed. */
  settle(): void {
    outliveAccount(false);
    this.#settled = true;
    keepCapabilities(capabilitiesFor(this.#config));
  }

  /** What a new configuration does not need is gone for good. */
  follow(config: BalancerConfig): void {
    this.#config = config;
    if (this.#settled) keepCapabilities(capabilitiesFor(config));
  }
}
