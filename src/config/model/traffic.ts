/** The model of traffic: where it comes in, how it is balanced, and the servers that it goes to. */

import type { AdmissionRules } from '../../balance/admission.ts';
import type { BalanceConfig } from '../../balance/algorithms.ts';
import type { CheckConfig } from '../../health/kinds/check-kinds.ts';
import type { BackendRoute, ConnectionRule, Inspection } from './conditions.ts';
import type { NameConfig } from './names.ts';
import type { LogTarget, SocketFileConfig } from './process.ts';

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

/**
 * A TCP frontend: accepts clients and hands them to a backend. Optional members are features that are off where
 * a front end does not name them.
 */
export type FrontendConfig = {
  readonly name: string;
  readonly binds: readonly BindConfig[];
  /** Above it new connections wait in the kernel's queue; 0: only the process's limit. */
  readonly connectionsMax: number;
  /** Of all clients that no route leads elsewhere. */
  readonly backend: string;
  readonly routes?: readonly BackendRoute[];
  readonly clientTimeoutMs: number;
  /** After the server half-closed; null: clientTimeoutMs. */
  readonly clientFinTimeoutMs: number | null;
  /** Probes idle clients. */
  readonly keepalive?: KeepaliveConfig;
  /** Longest time sent bytes stay unacknowledged (TCP_USER_TIMEOUT), at least 1. */
  readonly userTimeoutMs?: number;
  /** Every connection begins with a PROXY protocol header, which names its client. */
  readonly acceptProxy?: boolean;
  /** Who may connect, judged as soon as a connection is accepted, by its own addresses. */
  readonly connectionRules?: readonly ConnectionRule[];
  /** The same once a PROXY protocol header has said whose connection it is. */
  readonly sessionRules?: readonly ConnectionRule[];
  /** Over what clients say, before they are given a backend. */
  readonly inspection?: Inspection;
  /** New connections of one source address (IPv6: one /64) within a period; more are reset. */
  readonly sourceRate?: { readonly connections: number; readonly periodMs: number };
  readonly log: ConnectionLog;
};

/** Whether servers see addresses that are not this machine's. */
export function usesForeignAddresses(backends: readonly BackendConfig[]): boolean {
  return backends.some(({ servers }) =>
    servers.some(({ transparent }) => transparent !== undefined),
  );
}

/** Names of the backends that a frontend may lead to. */
export function targetsOf({
  backend,
  routes = [],
}: Pick<FrontendConfig, 'backend' | 'routes'>): readonly string[] {
  return [...new Set([backend, ...routes.map((route) => route.backend)])];
}

/** A `mode http` proxy that serves no traffic of its own: stats page and/or monitor-uri. */
export type HttpFrontendConfig = {
  readonly name: string;
  /** Its statistics have no backend row (HAProxy: a "frontend"); absent: they have one, as of a "listen". */
  readonly frontendOnly?: true;
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
  /** Backup servers share clients as others do (HAProxy: option allbackups); absent: the first one has them all. */
  readonly allBackups?: true;
  /** Over what clients say, once routes have led them here. */
  readonly inspection?: Inspection;
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
   * How many clients may wait for a server's answer to their hello; the others wait in front of it, for
   * `queueTimeoutMs`. Absent: all.
   */
  readonly admission?: AdmissionRules;
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

export type ServerName = { readonly backend: string; readonly server: string };

/** An address that is not this machine's (IP_TRANSPARENT; HAProxy: usesrc), which takes a right. */
export type TransparentSource =
  /** That of each client, which may have none: then as if nothing was said. `withPort`: its port, too. */
  | { readonly kind: 'client'; readonly withPort: boolean }
  /** Port 0: as the kernel chooses. */
  | { readonly kind: 'address'; readonly host: string; readonly port: number };

/** Optional members are features that are off where a front end does not name them. */
export type ServerConfig = {
  readonly name: string;
  /** Numeric, or a name, whose addresses may change at any time. */
  readonly host: string;
  /** 0 where the name of a service says it. */
  readonly port: number;
  /** How `host` is resolved; there exactly when it is a name. */
  readonly resolution?: NameConfig;
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
  /** The local address that connections and checks come from; absent: as the kernel chooses. */
  readonly source?: string;
  /** Whose address the server sees instead, of connections that are no checks. */
  readonly transparent?: TransparentSource;
  /** Begins each connection with a PROXY protocol header of this version. */
  readonly sendProxy?: 1 | 2;
  /** Resets the sessions of backup servers when it comes up. */
  readonly shutdownBackupsOnUp?: boolean;
  readonly backup: boolean;
  /** Starts in maintenance (HAProxy: `disabled`). */
  readonly disabled: boolean;
  readonly check: CheckConfig | null;
  /** Without a check: its state is that of another server (HAProxy: `track`), by the names of backend and server. */
  readonly follows?: ServerName;
  /** Cut its sessions when it goes down (HAProxy: `on-marked-down shutdown-sessions`). */
  readonly shutdownSessionsOnDown: boolean;
};
