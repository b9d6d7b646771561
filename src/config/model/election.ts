/** The model of an election: virtual addresses, who may have them, what is tracked, who is told. */

import type { ChecksumRule } from '../../vrrp/packet.ts';
import type { SignatureMode } from '../../vrrp/signatures.ts';

export type VrrpConfig = {
  /** keepalived: `router_id`; null: the host name. */
  readonly routerId: string | null;
  readonly scripts: readonly TrackScriptConfig[];
  readonly processes: readonly TrackProcessConfig[];
  readonly files: readonly TrackFileConfig[];
  readonly syncGroups: readonly SyncGroupConfig[];
  readonly notifyFifos: readonly NotifyFifoConfig[];
  readonly instances: readonly VrrpInstanceConfig[];
};

/** keepalived: `vrrp_script`. */
export type TrackScriptConfig = {
  readonly name: string;
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** -253..253; 0: failing means FAULT. */
  readonly weight: number;
  readonly rise: number;
  readonly fall: number;
  /** Account it runs as; null: the guardian's own. */
  readonly user: string | null;
  readonly group: string | null;
};

/** keepalived: `vrrp_track_process`. The weight stands where it is tracked. */
export type TrackProcessConfig = {
  readonly name: string;
  /** As the kernel names the process (proc(5), /proc/PID/comm), or the first word it was started by. */
  readonly command: string;
  /** Words after the command, all of them; null: any. */
  readonly parameters: readonly string[] | null;
  /** true: `command` is the first word of the command line, e.g. a whole path. */
  readonly fullCommand: boolean;
  /** So many must run; at least 1. */
  readonly quorum: number;
  /** How long they must run before they count, and be gone before they do not. */
  readonly startDelayMs: number;
  readonly endDelayMs: number;
};

/** keepalived: `track_file`: a number in a file. The weight stands where it is tracked. */
export type TrackFileConfig = {
  readonly name: string;
  readonly path: string;
  /** Written at the start where there is no file; null: nothing is written. */
  readonly initialValue: number | null;
  /** Written at the start whatever there is. */
  readonly overwrite: boolean;
};

/** keepalived: `vrrp_sync_group`: instances that are master together or not at all. */
export type SyncGroupConfig = {
  readonly name: string;
  readonly instances: readonly string[];
  readonly notify: NotifyConfig;
};

/** A command to run on a change of state; null where there is none. */
export type NotifyConfig = {
  readonly master: NotifyCommand | null;
  readonly backup: NotifyCommand | null;
  readonly fault: NotifyCommand | null;
  readonly stop: NotifyCommand | null;
  /** After the others, with four words more: INSTANCE or GROUP, the name, the state, the priority. */
  readonly any: NotifyCommand | null;
  /** No change: a master hears one of lower priority (keepalived: notify_master_rx_lower_pri). */
  readonly rival: NotifyCommand | null;
};

export type NotifyCommand = {
  readonly argv: readonly string[];
  /** Account it runs as; null: the guardian's own. */
  readonly user: string | null;
  readonly group: string | null;
};

/** keepalived: `notify_fifo`: every change of state as a line in a named pipe. */
export type NotifyFifoConfig = {
  readonly path: string;
  /** Owner of the pipe; null: the guardian. */
  readonly user: string | null;
  readonly group: string | null;
  /** Runs as long as the guardian, with the pipe's path as its last word. */
  readonly reader: NotifyCommand | null;
};

/** Something an instance tracks. Weight 0: its failure means FAULT. */
export type TrackConfig = { readonly name: string; readonly weight: number };

export type VrrpInstanceConfig = {
  readonly name: string;
  readonly version: 2 | 3;
  readonly interface: string;
  /** 1..255 */
  readonly virtualRouterId: number;
  /** 1..255 */
  readonly priority: number;
  readonly initialState: 'master' | 'backup';
  /** v2: whole seconds. v3: 10..40950, in steps of 10. */
  readonly advertIntervalMs: number;
  /** v2 only (RFC 2338 simple text password), at most 8 bytes. */
  readonly password: string | null;
  /**
   * v2 only: the password does not travel, but is the key of an IP Authentication Header (RFC 2402).
   * Absent: it travels.
   */
  readonly authenticationHeader?: true;
  /** Every advertisement is signed (docs/vrrp-authentication.md). Absent: none is. */
  readonly signature?: SignatureConfig;
  /** Of version 3 on IPv4; absent: that of the RFC (vrrp/packet.ts). */
  readonly checksum?: ChecksumRule;
  /** An interface with the virtual router's MAC address (keepalived: use_vmac). Absent: none. */
  readonly virtualMac?: VirtualMacConfig;
  /** Of advertisements to unicast peers; absent: 255. */
  readonly unicastTtl?: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly addresses: readonly VirtualAddressConfig[];
  /** Held like the others, but not advertised. */
  readonly excludedAddresses: readonly VirtualAddressConfig[];
  readonly routes: readonly VirtualRouteConfig[];
  /** null: the interface's first address. */
  readonly sourceAddress: string | null;
  readonly transport:
    | { readonly kind: 'multicast'; readonly group: string }
    | { readonly kind: 'unicast'; readonly peers: readonly string[] };
  readonly garp: GarpConfig;
  /** Whether an advertisement of lower priority is answered by one (keepalived: lower_prio_no_advert). */
  readonly answersLower: boolean;
  /** Whether a master that yields advertises once more (keepalived: higher_prio_send_advert). */
  readonly saysFarewell: boolean;
  readonly trackScripts: readonly TrackConfig[];
  /** Interfaces that must be up, beside those the instance uses. */
  readonly trackInterfaces: readonly TrackConfig[];
  readonly trackProcesses: readonly TrackConfig[];
  /** The weight multiplies what the file holds; with 0 any number but 0 means FAULT. */
  readonly trackFiles: readonly TrackConfig[];
  readonly notify: NotifyConfig;
  /** Changes of the priority are lines in the notify FIFOs, too. Absent: only changes of state are. */
  readonly notifyPriority?: true;
  /**
   * Follow the local balancer: not serving means FAULT (weight 0) or a priority change. null where none
   * runs here.
   */
  readonly trackBalancer: { readonly weight: number } | null;
};

/** The addresses that name no interface are on it. */
export type VirtualMacConfig = {
  /** At most 15 bytes. */
  readonly name: string;
  /** Advertisements are sent from the instance's own interface (keepalived: vmac_xmit_base). */
  readonly sendsFromBase: boolean;
};

/** keepalived from 2.4 on: `auth_hmac`. */
export type SignatureConfig = {
  readonly keys: readonly SignatureKeyConfig[];
  /** The id of the key that signs. */
  readonly activeKey: number;
  /** How far the clocks of two nodes may be apart; null: sequences must only grow. */
  readonly toleranceMs: number | null;
  readonly mode: SignatureMode;
};

export type SignatureKeyConfig = {
  /** 1..255 */
  readonly id: number;
  /** Its file; null: it stands in the configuration. */
  readonly path: string | null;
  /** As vrrp/signature.ts parses it; null: not read yet. */
  readonly secret: string | null;
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
