/**
 * The one configuration model. Every front end (evergate.yaml, haproxy.cfg, keepalived.conf)
 * converts to it, and everything behind it reads nothing else. Plain data: it travels between the
 * processes as JSON.
 *
 * Durations are whole milliseconds (`...Ms`), 0 meaning "no limit" where that is allowed. Defaults are
 * filled in by the front ends, so that a reader of the model never asks where a value came from.
 */

import type { ChecksumRule } from '../vrrp/packet.ts';
import type { SignatureMode } from '../vrrp/signatures.ts';
import type { CheckConfig } from './check-model.ts';

export type * from './check-model.ts';

export type Config = {
  readonly balancer: BalancerConfig | null;
  readonly vrrp: VrrpConfig | null;
  /** What the configuration does without and an operator should know, in sentences; absent: nothing. */
  readonly notes?: readonly string[];
};

// --- balancer -----------------------------------------------------------------------------------

export type BalancerConfig = {
  readonly process: BalancerProcessConfig;
  readonly frontends: readonly FrontendConfig[];
  readonly httpFrontends: readonly HttpFrontendConfig[];
  readonly backends: readonly BackendConfig[];
};

/** HAProxy's `global` section, as far as it concerns a process of ours. */
export type BalancerProcessConfig = {
  /** Name shown as `node` in `show info`; null: the host name. */
  readonly node: string | null;
  /** Account the balancer drops to after its sockets are bound; null: stay as started. */
  readonly user: string | null;
  readonly group: string | null;
  /** Connections over all frontends; 0: as many as RLIMIT_NOFILE carries. */
  readonly connectionsMax: number;
  /** Relay threads (HAProxy: nbthread); 0: chosen from the processors. */
  readonly relays: number;
  /** Keep no second balancer that waits to take over; absent: keep one. */
  readonly spare?: false;
  /** How long no balancer may serve before the VIP moves; absent: as the command line says. */
  readonly graceMs?: number;
  readonly statsSockets: readonly StatsSocketConfig[];
  readonly logs: readonly LogTarget[];
};

/** Whose a unix socket's file is. */
export type SocketFileConfig = {
  /** Permission bits, e.g. 0o600; null: as the umask gives. */
  readonly mode: number | null;
  readonly user: string | null;
  readonly group: string | null;
};

/** HAProxy: `stats socket <path> [mode M] [level L]`. */
export type StatsSocketConfig = SocketFileConfig & {
  readonly path: string;
  readonly level: 'user' | 'operator' | 'admin';
};

/** HAProxy: `log <address> <facility> [max level [min level]]`. Facilities and levels by syslog number (RFC 5424). */
export type LogTarget = {
  readonly address:
    | { readonly kind: 'udp'; readonly host: string; readonly port: number }
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'stdout' | 'stderr' };
  readonly format: 'rfc3164' | 'raw' | 'short';
  /** 0..23 */
  readonly facility: number;
  /** Messages less urgent than this are dropped; 0 emerg .. 7 debug. */
  readonly levelMax: number;
  /** Messages more urgent than this are sent at this level. */
  readonly levelMin: number;
};

export type BindConfig = {
  readonly address:
    | { readonly kind: 'ipv4'; readonly host: string; readonly port: number }
    | {
        readonly kind: 'ipv6';
        readonly host: string;
        readonly port: number;
        /** true: this socket takes IPv6 only; false: IPv4 too, as mapped addresses. */
        readonly v6only: boolean;
      }
    | { readonly kind: 'unix'; readonly path: string };
  /** Takes only what arrives on this interface (SO_BINDTODEVICE, socket(7)); absent: on any. */
  readonly interface?: string;
  /** Of a unix socket; absent: as the guardian makes it. */
  readonly file?: SocketFileConfig;
  /** Where the file says so, for messages: `haproxy.cfg:23`. */
  readonly origin: string;
};

/** How a connection is logged: HAProxy's default line at accept, or `option tcplog` at close. */
export type ConnectionLog = {
  readonly targets: readonly LogTarget[];
  readonly format: 'connect' | 'tcplog';
  /** HAProxy: `option dontlognull`: connections without a byte are not logged. */
  readonly dontLogNull: boolean;
};

/** How TCP finds a peer that is gone without a word (tcp(7)); null: the kernel's own value. */
export type KeepaliveConfig = {
  /** Silence before the first probe, rounded up to whole seconds. */
  readonly idleMs: number | null;
  /** From probe to probe, rounded up to whole seconds. */
  readonly intervalMs: number | null;
  /** Probes without an answer until the connection is given up. */
  readonly probes: number | null;
};

/** One rule over the address a connection comes from; of a list the first that matches decides. */
export type SourceRule = {
  readonly action: 'allow' | 'deny';
  /** "192.168.1.0/24", "fd00::/8" or single addresses; empty: every address. */
  readonly networks: readonly string[];
};

/**
 * A TCP frontend: accepts clients and hands them to one backend. Optional members are features that are
 * off where a front end does not name them.
 */
export type FrontendConfig = {
  readonly name: string;
  readonly binds: readonly BindConfig[];
  /** Above it new connections wait in the kernel's queue; 0: only the process's limit. */
  readonly connectionsMax: number;
  readonly backend: string;
  readonly clientTimeoutMs: number;
  /** After the server half-closed; null: clientTimeoutMs. */
  readonly clientFinTimeoutMs: number | null;
  /** Probes idle clients. */
  readonly keepalive?: KeepaliveConfig;
  /** Longest time sent bytes stay unacknowledged (TCP_USER_TIMEOUT), at least 1. */
  readonly userTimeoutMs?: number;
  /** Every connection begins with a PROXY protocol header, which names its client. */
  readonly acceptProxy?: boolean;
  /** Who may connect, judged by the connection's own address; without a match it is allowed. */
  readonly sources?: readonly SourceRule[];
  /** New connections of one source address (IPv6: one /64) within a period; more are reset. */
  readonly sourceRate?: { readonly connections: number; readonly periodMs: number };
  readonly log: ConnectionLog;
};

/** A `mode http` proxy that serves no traffic of its own: stats page and/or monitor-uri. */
export type HttpFrontendConfig = {
  readonly name: string;
  readonly binds: readonly BindConfig[];
  /** At least 1: a page is always bounded. */
  readonly connectionsMax: number;
  readonly clientTimeoutMs: number;
  /** Answers 200 (HAProxy: `monitor-uri`); null: none. */
  readonly monitorUri: string | null;
  /** Conditions under which it answers 503 (HAProxy: `monitor fail`): the terms of any one of them. */
  readonly monitorFail?: readonly (readonly MonitorTerm[])[];
  readonly stats: StatsPageConfig | null;
  /** Prometheus's metrics; absent: none. */
  readonly metrics?: MetricsPageConfig;
};

export type MetricsPageConfig = {
  /** null: every path that nothing else is served on. */
  readonly path: string | null;
  /** Whether it asks for a user of the stats page, as that does. */
  readonly guarded: boolean;
};

/** Compares the usable servers of a backend (HAProxy: `nbsrv(backend) lt 2`). */
export type MonitorTerm = {
  readonly backend: string;
  readonly is: 'eq' | 'ge' | 'gt' | 'le' | 'lt';
  readonly servers: number;
  readonly negated: boolean;
};

export type StatsPageConfig = {
  readonly uri: string;
  readonly realm: string;
  readonly users: readonly { readonly name: string; readonly password: string }[];
  readonly hideVersion: boolean;
  /** Whether the page takes admin actions (HAProxy: `stats admin if TRUE`). */
  readonly admin: boolean;
  /** Seconds; 0: no refresh. */
  readonly refreshSeconds: number;
  /** HAProxy: `stats show-node`, `show-legends`, `show-desc`. */
  readonly showNode: boolean;
};

/** Optional members are features that are off where a front end does not name them. */
export type BackendConfig = {
  readonly name: string;
  readonly balance: BalanceConfig;
  /** A source goes where it went before (HAProxy: `stick on src`); idleMs 0: however long ago that was. */
  readonly stickySources?: { readonly sources: number; readonly idleMs: number };
  readonly connectTimeoutMs: number;
  readonly serverTimeoutMs: number;
  readonly serverFinTimeoutMs: number | null;
  /** Replaces client and server timeouts once both sides talk; null: it does not. */
  readonly tunnelTimeoutMs: number | null;
  /** Connection attempts after the first before a client is given up (HAProxy: retries). */
  readonly retries: number;
  /** Longest wait for a server with room; absent: connectTimeoutMs. */
  readonly queueTimeoutMs?: number;
  /** Probes idle servers. */
  readonly keepalive?: KeepaliveConfig;
  /** A connect not answered within it is raced by one to another server, at least 1. */
  readonly hedgeConnectMs?: number;
  /**
   * A TLS hello not answered within it goes to another server, too, and the first answer counts, at
   * least 1. Connections that begin otherwise are left alone: a second hello does no harm, a second
   * request might.
   */
  readonly hedgeAfterMs?: number;
  /**
   * After a server has returned, connections move to it from the others: `afterMs` later at the earliest,
   * at most `ratePerS` (more than 0) in a second. For algorithms that send a new connection where room is.
   */
  readonly rebalance?: { readonly afterMs: number; readonly ratePerS: number };
  readonly servers: readonly ServerConfig[];
  /** Server events (UP, DOWN ...) go here. */
  readonly logs: readonly LogTarget[];
  readonly logHealthChecks: boolean;
  /** With no usable server, try those that checks took out instead of turning clients away. */
  readonly panic: boolean;
  /** true where the proxy was a `listen`: the CSV then has one proxy with both rows. */
  readonly listen: boolean;
};

export type BalanceConfig =
  | { readonly kind: 'roundrobin' }
  | { readonly kind: 'static-rr' }
  | { readonly kind: 'leastconn' }
  | { readonly kind: 'first' }
  | { readonly kind: 'random'; readonly draws: number }
  | {
      readonly kind: 'source';
      /** consistent: few clients change their server when one comes or goes; absent: map-based. */
      readonly hash?: 'map-based' | 'consistent';
    };

/** Optional members are features that are off where a front end does not name them. */
export type ServerConfig = {
  readonly name: string;
  /** Numeric, or a name as the file has it, to be resolved before the model is put to use. */
  readonly host: string;
  readonly port: number;
  /** 0..256 */
  readonly weight: number;
  /** 0: no limit. */
  readonly connectionsMax: number;
  /** Clients that wait for this very server (balance source); absent or 0: no limit of its own. */
  readonly queueMax?: number;
  /** From coming up until the full weight is reached. */
  readonly slowstartMs?: number;
  /** Longest time sent bytes stay unacknowledged (TCP_USER_TIMEOUT), at least 1. */
  readonly userTimeoutMs?: number;
  /** Begins each connection with a PROXY protocol header of this version. */
  readonly sendProxy?: 1 | 2;
  /** Resets the sessions of backup servers when it comes up. */
  readonly shutdownBackupsOnUp?: boolean;
  readonly backup: boolean;
  /** Starts in maintenance (HAProxy: `disabled`). */
  readonly disabled: boolean;
  readonly check: CheckConfig | null;
  /** Cut its sessions when it goes down (HAProxy: `on-marked-down shutdown-sessions`). */
  readonly shutdownSessionsOnDown: boolean;
};

// --- VRRP ---------------------------------------------------------------------------------------

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
