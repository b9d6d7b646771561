/** Proxies while their sections are read: what the file said, with the places where it said so. */

import type { BalanceConfig } from '../../balance/algorithms.ts';
import type { PassiveHealthConfig } from '../model/checks.ts';
import type { SourceTable } from '../model/conditions.ts';
import type { InitialAddress } from '../model/names.ts';
import type { LogTarget } from '../model/process.ts';
import type { BindConfig, MonitorTerm, TransparentSource } from '../model/traffic.ts';
import { type CheckRequestDraft, type CheckRulesDraft, NO_RULES } from './check-draft.ts';
import type { Word } from './lexer.ts';
import type { Place } from './report.ts';
import { type AccessDraft, NO_ACCESS } from './rules/rule-draft.ts';

export type ProxyKind = 'defaults' | 'frontend' | 'listen' | 'backend';

export type TimeoutName =
  | 'client'
  | 'client-fin'
  | 'connect'
  | 'server'
  | 'server-fin'
  | 'tunnel'
  | 'check'
  | 'queue';

export type Placed<Value> = { readonly value: Value; readonly place: Place };

export type BindDraft = {
  readonly bind: BindConfig;
  readonly place: Place;
  readonly acceptProxy: boolean;
  /** null: the kernel's. */
  readonly userTimeoutMs: number | null;
};

export type KeepaliveDraft = {
  readonly on: boolean;
  readonly idleMs?: number;
  readonly intervalMs?: number;
  readonly probes?: number;
};

/** A term with the place of its backend's name. */
export type MonitorTermDraft = MonitorTerm & { readonly place: Word };

export type StickTableDraft = {
  readonly place: Place;
  /** null: of something else than addresses. */
  readonly sources: number | null;
  readonly family: SourceTable['family'];
  readonly idleMs: number;
  /** Of `conn_rate`. */
  readonly periodMs: number;
  /** What it stores of what can be asked for. */
  readonly counts: SourceTable['counts'];
};

/** What `server` and `default-server` lines set; undefined: not said. */
export type ServerSettings = {
  check?: Placed<boolean>;
  /** null: as the kernel chooses. */
  source?: string | null;
  transparent?: TransparentSource | null;
  /** The word behind `track`. */
  track?: Word;
  interMs?: number;
  fastinterMs?: number;
  downinterMs?: number;
  rise?: number;
  fall?: number;
  weight?: number;
  connectionsMax?: number;
  checkPort?: number;
  checkHost?: string;
  checkSsl?: boolean;
  checkSni?: string;
  checkAlpn?: readonly string[];
  verify?: 'none' | 'required';
  verifyHost?: string;
  caFile?: string;
  crt?: string;
  /** `observe layer4`. */
  observe?: boolean;
  errorLimit?: number;
  onError?: PassiveHealthConfig['onError'];
  shutdownSessions?: boolean;
  shutdownBackups?: boolean;
  queueMax?: number;
  slowstartMs?: number;
  userTimeoutMs?: number;
  /** 0: said to be off. */
  sendProxy?: 0 | 1 | 2;
  backup?: boolean;
  disabled?: boolean;
  /** Name of the section that says whom to ask for the server's name. */
  resolvers?: Word;
  initial?: readonly InitialAddress[];
  prefer?: 'ipv4' | 'ipv6';
  networks?: readonly string[];
  sharesAddress?: boolean;
  ownWeight?: true;
};

/** What kind of host a server is given by; `template`: by a line for several. */
export type HostDraft =
  | { readonly kind: 'numeric' }
  | { readonly kind: 'addresses' | 'service'; readonly template: boolean };

export type ServerDraft = {
  readonly name: string;
  readonly host: string;
  readonly hostKind: HostDraft;
  readonly port: number;
  /** What is added to the clients' port; null: the port is written out. */
  readonly portOffset: number | null;
  readonly place: Place;
  readonly settings: ServerSettings;
};

export type StatsDraft = {
  place: Place;
  uri: string | null;
  realm: string | null;
  users: readonly Placed<{ readonly name: string; readonly password: string }>[];
  hideVersion: boolean;
  showNode: boolean;
  refreshSeconds: number;
  admin: Place | null;
};

/** By its own `disabled`, by the caller's wish, or with an error because its traffic is HTTP. */
export type Omitted = 'disabled' | 'left-out' | 'http';

export type LogFormat = 'connect' | 'tcplog' | 'httplog';

export type ProxyDraft = {
  readonly kind: ProxyKind;
  readonly name: string;
  readonly place: Place;
  mode: Placed<'tcp' | 'http'>;
  /** Why there is no such proxy in what runs; null: there is. */
  omitted: Omitted | null;
  connectionsMax: number | null;
  defaultBackend: Word | null;
  /** Of the first `use_backend` without a condition, which takes every client. */
  useBackend: Word | null;
  binds: readonly BindDraft[];
  /** Whether there is a `bind` line at all, right or wrong. */
  hasBindLine: boolean;
  servers: readonly ServerDraft[];
  /** Where connections to servers that say nothing of it come from; null: as the kernel chooses. */
  source: string | null;
  transparent: TransparentSource | null;
  allBackups: boolean;
  defaultServer: ServerSettings;
  balance: Placed<BalanceConfig>;
  /** `hash-type` other than HAProxy's default, which only `balance source` asks for. */
  hashType: Placed<string> | null;
  retries: number;
  clientKeepalive: KeepaliveDraft;
  serverKeepalive: KeepaliveDraft;
  access: AccessDraft;
  timeouts: ReadonlyMap<TimeoutName, Placed<number>>;
  /** The last `option ...chk`: it wins. */
  checkOption: Placed<string> | null;
  httpchk: CheckRequestDraft;
  rules: CheckRulesDraft;
  disableOn404: boolean;
  logs: readonly LogTarget[];
  logFormat: Placed<LogFormat>;
  dontLogNull: boolean;
  logHealthChecks: boolean;
  stats: StatsDraft | null;
  monitorUri: Placed<string> | null;
  /** `http-request use-service prometheus-exporter`; value null: on every path. */
  metricsPath: Placed<string | null> | null;
  stickTable: StickTableDraft | null;
  /** Where `stick match src` and `stick store-request src` stand; `stick on src` is both. */
  stickMatch: Place | null;
  stickStore: Place | null;
  monitorFail: readonly (readonly MonitorTermDraft[])[];
};

/** HAProxy's own defaults, where no `defaults` section came before (configuration manual section 4). */
export function createDraft(kind: ProxyKind, name: string, place: Place): ProxyDraft {
  return {
    kind,
    name,
    place,
    mode: { value: 'tcp', place },
    omitted: null,
    connectionsMax: null,
    defaultBackend: null,
    useBackend: null,
    binds: [],
    hasBindLine: false,
    servers: [],
    allBackups: false,
    source: null,
    transparent: null,
    defaultServer: {},
    balance: { value: { kind: 'roundrobin' }, place },
    hashType: null,
    retries: 3,
    clientKeepalive: { on: false },
    serverKeepalive: { on: false },
    access: NO_ACCESS,
    timeouts: new Map(),
    checkOption: null,
    httpchk: {},
    rules: NO_RULES,
    disableOn404: false,
    logs: [],
    logFormat: { value: 'connect', place },
    dontLogNull: false,
    logHealthChecks: false,
    stats: null,
    monitorUri: null,
    metricsPath: null,
    stickTable: null,
    stickMatch: null,
    stickStore: null,
    monitorFail: [],
  };
}

/** A proxy or a further `defaults` that starts from `parent`. Nothing is shared that is written to. */
export function inheritDraft(
  parent: ProxyDraft,
  kind: ProxyKind,
  name: string,
  place: Place,
): ProxyDraft {
  return {
    ...parent,
    kind,
    name,
    place,
    defaultServer: { ...parent.defaultServer },
    rules: { ...parent.rules, inherited: true },
    stats: parent.stats === null ? null : { ...parent.stats },
  };
}

/** Whether the proxy accepts clients. */
export function hasFrontend(draft: ProxyDraft): boolean {
  return draft.kind === 'frontend' || draft.kind === 'listen';
}

/** Whether the proxy has servers. */
export function hasBackend(draft: ProxyDraft): boolean {
  return draft.kind === 'backend' || draft.kind === 'listen';
}

/** Where the proxy names the backend it hands its clients to; null: nowhere. */
export function namedBackend(draft: ProxyDraft): Word | null {
  return draft.useBackend ?? draft.defaultBackend;
}

/** Name of the backend a proxy hands its clients to; a `listen` has its own unless it names another. */
export function backendNameOf(draft: ProxyDraft): string | null {
  return namedBackend(draft)?.text ?? (draft.kind === 'listen' ? draft.name : null);
}

/** The backend a frontend hands its clients to, if there is one of that name. */
export function findBackend(
  proxies: readonly ProxyDraft[],
  frontend: ProxyDraft,
): ProxyDraft | null {
  const name = backendNameOf(frontend);
  return proxies.find((each) => hasBackend(each) && each.name === name) ?? null;
}
