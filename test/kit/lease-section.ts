/** The section of a configuration that the lease of lease-election.ts has: no priority, no interval, one time. */

import type { AddressesConfig } from '../../src/config/model/addresses.ts';
import type { ElectionConfig } from '../../src/config/model/election.ts';
import { GARP_DEFAULTS, NO_NOTIFY } from '../../src/config/vrrp-defaults.ts';
import type { ElectionSection } from '../../src/contracts/election.ts';

/** Of the keeper. */
export const LEASE_MS = 1200;
/** Of an owner; shorter, for the way there. */
export const HELD_MS = 1000;

export type LeaseEstate = {
  readonly addresses: readonly AddressesConfig[];
  readonly heldMs: number;
  readonly mastershipFile: string;
};

export class LeaseSection implements ElectionSection {
  readonly config: ElectionConfig;
  readonly heldMsMax: number;
  readonly #heldMs: number;
  readonly estateModule = new URL('./lease-estate.ts', import.meta.url).href;

  /** `heldMs`: how long an owner keeps what it does not renew; shorter than the lease, for the way there. */
  constructor(config: ElectionConfig, leaseMs: number, heldMs: number) {
    this.config = config;
    this.heldMsMax = leaseMs;
    this.#heldMs = heldMs;
  }

  /** Its keeper waits long enough. */
  patient(): LeaseSection {
    return this;
  }

  estate(mastershipFile: string): LeaseEstate {
    return { addresses: this.config.instances, heldMs: this.#heldMs, mastershipFile };
  }
}

/** One address on one interface; while the number in `file` is not 0, this node does not want it. */
export function leaseConfig(address: string, device: string, file: string): ElectionConfig {
  const path = { path: file, initialValue: 0, overwrite: true };
  const where = { interface: null, label: null, scope: 0, broadcast: null };
  return {
    scripts: [],
    processes: [],
    files: [{ name: 'load', ...path }],
    syncGroups: [],
    notifyFifos: [],
    instances: [
      {
        name: 'lease',
        interface: device,
        addresses: [{ address, prefixLength: 24, ...where }],
        excludedAddresses: [],
        routes: [],
        garp: GARP_DEFAULTS,
        trackScripts: [],
        trackInterfaces: [],
        trackProcesses: [],
        trackFiles: [{ name: 'load', weight: 0 }],
        trackBalancer: null,
        notify: NO_NOTIFY,
      },
    ],
  };
}
