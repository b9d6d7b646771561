/** The model of virtual addresses: which, where they are, and how they are announced, whoever elects their owner. */

/** What belongs together and has one owner. */
export type AddressesConfig = {
  readonly name: string;
  readonly interface: string;
  readonly addresses: readonly VirtualAddressConfig[];
  /** Held like the others, but not advertised. */
  readonly excludedAddresses: readonly VirtualAddressConfig[];
  readonly routes: readonly VirtualRouteConfig[];
  /** An interface with the virtual router's MAC address (keepalived: use_vmac). Absent: none. */
  readonly virtualMac?: VirtualMacConfig;
  /**
   * Addresses of the interface that came later than another of their network stay when that one goes (ip-sysctl and
   * keepalived: promote_secondaries), while the instance is there. Absent: as the machine has it.
   */
  readonly promoteSecondaries?: true;
  readonly garp: GarpConfig;
};

export type VirtualAddressConfig = {
  readonly address: string;
  readonly prefixLength: number;
  /** null: the instance's own. */
  readonly interface: string | null;
  readonly label: string | null;
  /** Number of the scope (rtnetlink(7)): 0 global, 200 site, 253 link, 254 host. */
  readonly scope: number;
  /** null: none. */
  readonly broadcast: string | null;
};

/** A route that is there while the instance is master (keepalived: `virtual_routes`). */
export type VirtualRouteConfig = {
  /** "10.0.0.0/8"; "0.0.0.0/0" is the default route. */
  readonly destination: string;
  readonly prefixLength: number;
  /** null: directly on the interface. */
  readonly gateway: string | null;
  /** null: the kernel finds it by the gateway. */
  readonly interface: string | null;
  /** Preferred source; null: the kernel chooses. */
  readonly source: string | null;
  readonly metric: number;
  /** Routing table; 254 is the main one. */
  readonly table: number;
};

/** The addresses that name no interface are on it. */
export type VirtualMacConfig = {
  /** At most 15 bytes. */
  readonly name: string;
  /** Advertisements are sent from the instance's own interface (keepalived: vmac_xmit_base). */
  readonly sendsFromBase: boolean;
};

/** How the addresses are announced; what keepalived calls each stands behind it. */
export type GarpConfig = {
  /** At once, and again `delayMs` later (0: not again): garp_master_repeat, garp_master_delay. */
  readonly repeat: number;
  readonly delayMs: number;
  /** While master; 0: never: garp_master_refresh, garp_master_refresh_repeat. */
  readonly refreshMs: number;
  readonly refreshRepeat: number;
  /** Because of a master of lower priority: garp_lower_prio_repeat, garp_lower_prio_delay. */
  readonly rivalRepeat: number;
  readonly rivalDelayMs: number;
  /** From frame to frame on an interface; 0: all at once: garp_interval, gna_interval. */
  readonly arpPaceMs: number;
  readonly neighbourPaceMs: number;
};

/** TCP connections to a port of a virtual address go to a listener of ours on another one, where that address is. */
export type RedirectConfig = {
  readonly address: string;
  readonly port: number;
  readonly toPort: number;
};
