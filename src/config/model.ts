/**
 * The one configuration model. Every front end (haproxy.cfg, keepalived.conf, later evergate.yaml)
 * converts to it, and everything behind it reads nothing else. Plain data: it travels between the
 * processes as JSON.
 *
 * Durations are whole milliseconds (`...Ms`), 0 meaning "no limit" where that is allowed. Defaults are
 * filled in by the front ends, so that a reader of the model never asks where a value came from.
 */

export type Config = {
  readonly balancer: BalancerConfig | null;
  readonly vrrp: VrrpConfig | null;
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
  readonly statsSockets: readonly StatsSocketConfig[];
  readonly logs: readonly LogTarget[];
};

/** HAProxy: `stats socket <path> [mode M] [level L]`. */
export type StatsSocketConfig = {
  readonly path: string;
  /** Permission bits, e.g. 0o600; null: as the umask gives. */
  readonly mode: number | null;
  readonly user: string | null;
  readonly group: string | null;
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

/** A TCP frontend: accepts clients and hands them to one backend. */
export type FrontendConfig = {
  readonly name: string;
  readonly binds: readonly BindConfig[];
  /** Above it new connections wait in the kernel's queue; 0: only the process's limit. */
  readonly connectionsMax: number;
  readonly backend: string;
  readonly clientTimeoutMs: number;
  /** After the server half-closed; null: clientTimeoutMs. */
  readonly clientFinTimeoutMs: number | null;
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
  readonly stats: StatsPageConfig | null;
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

export type BackendConfig = {
  readonly name: string;
  readonly balance: BalanceConfig;
  readonly connectTimeoutMs: number;
  readonly serverTimeoutMs: number;
  readonly serverFinTimeoutMs: number | null;
  /** Replaces client and server timeouts once both sides talk; null: it does not. */
  readonly tunnelTimeoutMs: number | null;
  /** Connection attempts after the first before a client is given up (HAProxy: retries). */
  readonly retries: number;
  readonly servers: readonly ServerConfig[];
  /** Server events (UP, DOWN ...) go here. */
  readonly logs: readonly LogTarget[];
  readonly logHealthChecks: boolean;
  /** true where the proxy was a `listen`: the CSV then has one proxy with both rows. */
  readonly listen: boolean;
};

export type BalanceConfig =
  | { readonly kind: 'roundrobin' }
  | { readonly kind: 'static-rr' }
  | { readonly kind: 'leastconn' }
  | { readonly kind: 'first' }
  | { readonly kind: 'random'; readonly draws: number }
  | { readonly kind: 'source' };

export type ServerConfig = {
  readonly name: string;
  /** Numeric, or a name as the file has it, to be resolved before the model is put to use. */
  readonly host: string;
  readonly port: number;
  /** 0..256 */
  readonly weight: number;
  /** 0: no limit. */
  readonly connectionsMax: number;
  readonly backup: boolean;
  /** Starts in maintenance (HAProxy: `disabled`). */
  readonly disabled: boolean;
  readonly check: CheckConfig | null;
};

/** An active health check. Kinds other than tcp come as further members of the union. */
export type CheckConfig = {
  readonly kind: 'tcp';
  /** null: the server's own. */
  readonly host: string | null;
  readonly port: number | null;
  readonly intervalMs: number;
  /** While going up or down. */
  readonly fastIntervalMs: number;
  /** While down. */
  readonly downIntervalMs: number;
  readonly rise: number;
  readonly fall: number;
  /** Of the connect, already reckoned from `timeout check`, `timeout connect` and `inter`. */
  readonly connectTimeoutMs: number;
};

// --- VRRP ---------------------------------------------------------------------------------------

export type VrrpConfig = {
  /** keepalived: `router_id`; null: the host name. */
  readonly routerId: string | null;
  readonly scripts: readonly TrackScriptConfig[];
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
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly addresses: readonly VirtualAddressConfig[];
  /** null: the interface's first address. */
  readonly sourceAddress: string | null;
  readonly transport:
    | { readonly kind: 'multicast'; readonly group: string }
    | { readonly kind: 'unicast'; readonly peers: readonly string[] };
  readonly garp: GarpConfig;
  readonly trackScripts: readonly { readonly name: string; readonly weight: number }[];
  /**
   * Follow the local balancer: not serving means FAULT (weight 0) or a priority change. null where none
   * runs here.
   */
  readonly trackBalancer: { readonly weight: number } | null;
};

export type VirtualAddressConfig = {
  readonly address: string;
  readonly prefixLength: number;
  /** null: the instance's own. */
  readonly interface: string | null;
  readonly label: string | null;
};

/** keepalived: garp_master_repeat, garp_master_delay, garp_master_refresh. */
export type GarpConfig = {
  readonly repeat: number;
  readonly delayMs: number;
  readonly refreshMs: number;
};
