/** The model of a balancer's process: its account, its limits, its administrative sockets, where it logs. */

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
  /**
   * How long a balancer in whose place another serves may go on with the connections it has (HAProxy: hard-stop-after);
   * absent: until the last one ends.
   */
  readonly hardStopAfterMs?: number;
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
