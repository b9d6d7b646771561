/**
 * What the stats page and the runtime socket show: one row per frontend, server and backend, as plain values
 * of one moment. The writers (CSV, HTML) turn rows into text and know nothing else.
 */

import type { CertificateFacts } from '../health/certificate-warnings.ts';
import type { CheckStatus } from '../health/server-state.ts';
import type { BackendCounter, Counts, FrontendCounter, ServerCounter } from './catalogue.ts';

export type StatRow = FrontendRow | ServerRow | BackendRow;

type Proxy = {
  readonly proxy: string;
  /** HAProxy's number of the proxy; a `listen` has one for both of its rows. */
  readonly proxyId: number;
  readonly mode: 'tcp' | 'http';
  /** Monotonic, ms: counters that are moments are on the same clock. */
  readonly now: number;
  /** Sessions of the last second, and of the busiest one. */
  readonly rate: number;
  readonly rateMax: number;
};

/** Of a `mode http` proxy. */
export type HttpCounts = {
  readonly requests: number;
  readonly requestRate: number;
  readonly requestRateMax: number;
  /** Responses 1xx, 2xx, 3xx, 4xx, 5xx and others. */
  readonly responses: readonly [number, number, number, number, number, number];
};

export type FrontendRow = Proxy & {
  readonly kind: 'frontend';
  readonly counts: Counts<FrontendCounter>;
  readonly limit: number;
  /** As rate, of connections that were turned away, too. */
  readonly connectionRate: number;
  readonly connectionRateMax: number;
  /** null: a TCP proxy. */
  readonly http: HttpCounts | null;
};

/** What became of the servers: of one, or of those of a backend. */
type Condition = {
  readonly weight: number;
  readonly lastChangeS: number;
  readonly downtimeS: number;
  readonly downTransitions: number;
};

/** What colours a row, and what `;up` hides. */
export type RowState = 'up' | 'going-down' | 'going-up' | 'down' | 'maint' | 'drain' | 'unchecked';

export type ServerRow = Proxy &
  Condition & {
    readonly kind: 'server';
    readonly counts: Counts<ServerCounter>;
    readonly server: string;
    /** From 1 in its backend. */
    readonly serverId: number;
    readonly address: string;
    /** null: none. */
    readonly limit: number | null;
    /** Clients that may wait for it; null: any number. */
    readonly queueLimit: number | null;
    readonly backup: boolean;
    readonly state: RowState;
    /** HAProxy's words: "UP", "UP 1/2", "DOWN", "MAINT", "DRAIN", "no check" ... */
    readonly status: string;
    readonly configuredWeight: number;
    /** Percent of its weight, while it warms up; absent: all of it. */
    readonly throttle?: number;
    /** null: the server has no check. */
    readonly check: RowCheck | null;
    /** "backend/server" whose state is its own; absent: none. */
    readonly tracked?: string;
    /** As of the last check that saw it; null: none has. */
    readonly certificate: CertificateFacts | null;
  };

export type RowCheck = {
  readonly failed: number;
  /** false: nothing is checked now (maintenance). */
  readonly running: boolean;
  readonly status: CheckStatus;
  readonly description: string;
  readonly info: string;
  /** Of the HTTP answer, where the verdict is about it. */
  readonly code?: number;
  /** Verdicts of passive health, where there is any (`observe`). */
  readonly failedAnalyses?: number;
  readonly durationMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly health: number;
};

export type BackendRow = Proxy &
  Condition & {
    readonly kind: 'backend';
    readonly counts: Counts<BackendCounter>;
    /** What its servers have counted, put together. */
    readonly serverCounts: Counts<ServerCounter>;
    readonly limit: number;
    readonly algorithm: string;
    readonly up: boolean;
    readonly usableActive: number;
    readonly usableBackup: number;
    readonly servers: number;
    /** null: a TCP proxy. */
    readonly http: HttpCounts | null;
  };

/** Which rows somebody asked for (`show stat <iid> <type> <sid>`, `;up`, `scope=`). */
export type RowFilter = {
  /** HAProxy's number or a proxy's name; null: all. */
  readonly proxy: number | string | null;
  /** 1 frontends, 2 backends, 4 servers, added up; -1: all. */
  readonly kinds: number;
  /** -1: all. */
  readonly serverId: number;
  /** Leaves out servers that are down. */
  readonly upOnly: boolean;
  /** Leaves out servers in maintenance. */
  readonly hideMaint: boolean;
  /** Part of the proxy's name; empty: all. */
  readonly scope: string;
};

export const ALL_ROWS: RowFilter = {
  proxy: null,
  kinds: -1,
  serverId: -1,
  upOnly: false,
  hideMaint: false,
  scope: '',
};

const KIND_BITS = { frontend: 1, backend: 2, server: 4 } as const;

export function filterRows(rows: readonly StatRow[], filter: RowFilter): readonly StatRow[] {
  return rows.filter((row) => {
    if (typeof filter.proxy === 'number' && row.proxyId !== filter.proxy) return false;
    if (typeof filter.proxy === 'string' && row.proxy !== filter.proxy) return false;
    if ((filter.kinds & KIND_BITS[row.kind]) === 0) return false;
    if (!row.proxy.includes(filter.scope)) return false;
    if (row.kind !== 'server') return true;
    if (filter.serverId !== -1 && row.serverId !== filter.serverId) return false;
    if (filter.hideMaint && row.state === 'maint') return false;
    return !(filter.upOnly && (row.state === 'down' || row.state === 'maint'));
  });
}
