/** The balancer half of evergate.yaml; it is the same on every node. */

import { algorithmOf, type BalanceConfig } from '../../balance/algorithms.ts';
import type { RedirectConfig } from '../model/addresses.ts';
import {
  ALWAYS,
  aboveConnections,
  type ConnectionRule,
  fromNetworks,
  fromOtherNetworks,
} from '../model/conditions.ts';
import type { BalancerConfig } from '../model/config.ts';
import type { StatsSocketConfig } from '../model/process.ts';
import type {
  BackendConfig,
  BindConfig,
  FrontendConfig,
  HttpFrontendConfig,
  KeepaliveConfig,
  ServerConfig,
} from '../model/traffic.ts';
import { planCheck } from './check-section.ts';
import { PROXY_NAME, STATS_NAME, USERS_MAX } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { FoundNode } from './find-node.ts';
import { planListeners, toBinds } from './listeners.ts';
import { type Logs, toLogs } from './logs.ts';
import { toServer } from './servers.ts';
import { isNamed, routesByName } from './service-names.ts';
import { listServices, type Service } from './services.ts';
import {
  warnOfSharedAccount,
  warnOfStats,
  warnOfStrays,
  warnOfTcpCheck,
  warnOfTimeouts,
  warnOfWayBack,
} from './warnings.ts';

/** HAProxy's default realm is its own name. */
const STATS_REALM = 'Evergate';
/** Where Prometheus looks unless told otherwise. */
const METRICS_PATH = '/metrics';
/** Addresses whose connections are counted at once; memory for as many as come. */
const SOURCES_COUNTED = 262_144;
const STATS_CONNECTIONS_MAX = 100;
const STATS_CLIENT_TIMEOUT_MS = 60_000;

/** Keys of a balancer that shows pages alone: metrics of a node that has a VIP and balances nothing. */
const PAGE_KEYS = new Set(['stats', 'logs', 'balancer']);

/** Sections and keys that only a balancer uses. */
const BALANCER_KEYS = [
  'apiserver-port',
  'servers',
  'balance',
  'hash',
  'source',
  'retries',
  'check',
  'timeouts',
  'hedge',
  'admission',
  'rebalance',
  'tcp',
  'clients',
  'stats',
  'runtime-socket',
  'logs',
  'balancer',
];

function warnOfUnused(draft: Draft): void {
  for (const key of BALANCER_KEYS) {
    if (!draft.has([key])) continue;
    if (draft.file.stats !== undefined && PAGE_KEYS.has(key)) continue;
    const text = `"${key}" is ignored: nothing is balanced without "listen"`;
    draft.report.warning(draft.keyPlace([key]), 'ignored-directive', text);
  }
  for (const name of Object.keys(draft.file.nodes)) {
    const path = ['nodes', name, 'server'];
    if (!draft.has(path)) continue;
    const text = `"server" of node "${name}" is ignored: nothing is balanced without "listen"`;
    draft.report.warning(draft.keyPlace(path), 'ignored-directive', text);
  }
}

function toStatsFrontend(draft: Draft): readonly HttpFrontendConfig[] {
  const { stats } = draft.file;
  if (stats === undefined) return [];
  const users = Object.entries(stats.users).map(([name, password]) => ({ name, password }));
  if (users.length > USERS_MAX) {
    const text = `"stats.users" has ${users.length} users; give at most ${USERS_MAX}`;
    draft.report.error(draft.keyPlace(['stats', 'users']), 'bad-value', text);
  }
  if (stats.uri.split('?', 1)[0] === METRICS_PATH) {
    const text = `"stats.uri": "${stats.uri}" is where the metrics are; choose another path`;
    draft.report.error(draft.place(['stats', 'uri']), 'address-conflict', text);
  }
  warnOfStats(draft, stats);
  const page = {
    uri: stats.uri,
    realm: STATS_REALM,
    users,
    hideVersion: false,
    admin: stats.admin,
    refreshSeconds: Math.ceil(stats.refresh / 1000),
    showNode: true,
  };
  const frontend = {
    name: STATS_NAME,
    binds: toBinds(draft, stats.listen, ['stats', 'listen']),
    connectionsMax: STATS_CONNECTIONS_MAX,
    clientTimeoutMs: STATS_CLIENT_TIMEOUT_MS,
    monitorUri: null,
    stats: page,
    metrics: { path: METRICS_PATH, guarded: true },
  };
  return [frontend];
}

function toStatsSockets(draft: Draft): readonly StatsSocketConfig[] {
  const socket = draft.file['runtime-socket'];
  if (socket === undefined) return [];
  const { path, mode, user = null, group = null, level } = socket;
  return [{ path, mode: Number.parseInt(mode, 8), user, group, level }];
}

function toKeepalive({ file: { tcp } }: Draft): KeepaliveConfig {
  return {
    idleMs: tcp['keepalive-idle'],
    intervalMs: tcp['keepalive-interval'],
    probes: tcp['keepalive-probes'],
  };
}

/** Denials first; where some networks are allowed, all others are not. `table`: where connections are counted. */
function toRules({ file: { clients } }: Draft, table: string): readonly ConnectionRule[] {
  const { allow = [], deny = [], connections } = clients;
  const rules: ConnectionRule[] = [];
  if (deny.length > 0) rules.push({ action: 'reject', when: fromNetworks(deny) });
  if (allow.length > 0) rules.push({ action: 'reject', when: fromOtherNetworks(allow) });
  if (connections !== undefined) {
    rules.push({ action: 'track', place: 0, table, when: ALWAYS });
    rules.push({ action: 'reject', when: aboveConnections(0, connections) });
  }
  return rules;
}

/** One for each service that listens: its clients are counted by themselves. */
function toTables({ file }: Draft, services: readonly Service[]): Pick<BalancerConfig, 'tables'> {
  if (file.clients.connections === undefined) return {};
  return {
    tables: services.map(({ name }) => ({
      name,
      family: 'any',
      sources: SOURCES_COUNTED,
      idleMs: 0,
      periodMs: 1,
      counts: ['current'],
    })),
  };
}

function toFrontend(
  draft: Draft,
  name: string,
  binds: readonly BindConfig[],
  logs: Logs,
): FrontendConfig {
  const { timeouts, clients, tcp } = draft.file;
  const connectionRules = toRules(draft, name);
  const rate = clients['rate-connections'];
  return {
    name,
    binds,
    connectionsMax: 0,
    backend: name,
    clientTimeoutMs: timeouts.handshake,
    clientFinTimeoutMs: timeouts['half-closed'],
    keepalive: toKeepalive(draft),
    userTimeoutMs: tcp['user-timeout'],
    acceptProxy: clients['accept-proxy'],
    ...(connectionRules.length > 0 ? { connectionRules } : {}),
    ...(rate === undefined
      ? {}
      : { sourceRate: { connections: rate, periodMs: clients['rate-period'] } }),
    log: { targets: logs.connections, format: 'tcplog', dontLogNull: true },
  };
}

function toBalance({ file: { balance, hash } }: Draft): BalanceConfig {
  const algorithm = algorithmOf(balance);
  return algorithm.withHash?.(hash) ?? algorithm.plain;
}

function checkAdmission(draft: Draft): void {
  const { cold, max } = draft.file.admission;
  if (max === 0 || cold <= max) return;
  const text = `"admission.cold": ${cold} is more than "max", ${max}; a server is given more over time, not fewer`;
  draft.report.error(draft.place(['admission', 'cold']), 'bad-value', text);
}

function toBackend(
  draft: Draft,
  name: string,
  servers: readonly ServerConfig[],
  logs: Logs,
): BackendConfig {
  const { timeouts, hedge, admission, rebalance, retries } = draft.file;
  return {
    name,
    balance: toBalance(draft),
    connectTimeoutMs: timeouts.connect,
    serverTimeoutMs: timeouts.handshake,
    serverFinTimeoutMs: timeouts['half-closed'],
    tunnelTimeoutMs: timeouts.idle,
    retries,
    queueTimeoutMs: timeouts.queue,
    keepalive: toKeepalive(draft),
    ...(hedge.connect > 0 ? { hedgeConnectMs: hedge.connect } : {}),
    ...(hedge['first-answer'] > 0 ? { hedgeAfterMs: hedge['first-answer'] } : {}),
    ...(admission.max > 0 ? { admission } : {}),
    ...(algorithmOf(draft.file.balance).sharesRoom && rebalance.rate > 0
      ? { rebalance: { afterMs: rebalance.after, ratePerS: rebalance.rate } }
      : {}),
    servers,
    logs: logs.events,
    logHealthChecks: false,
    panic: true,
    listen: true,
  };
}

export type BuiltBalancer = {
  readonly config: BalancerConfig;
  readonly redirects: readonly RedirectConfig[];
  readonly notes: readonly string[];
};

/** What is known of a service's servers: by a check of its own, or as those of another one. */
function planOf(draft: Draft, { name, check }: Service, here: boolean) {
  if ('follows' in check) return check;
  const service = name === PROXY_NAME ? null : name;
  return planCheck(draft, { ...check, here, service });
}

function toProcess(
  { file: { balancer } }: Draft,
  node: FoundNode | null,
  logs: Logs,
  statsSockets: readonly StatsSocketConfig[],
): BalancerConfig['process'] {
  const hardStopAfterMs = balancer['hard-stop-after'];
  return {
    node: node?.name ?? null,
    user: balancer.user,
    group: balancer.group ?? null,
    connectionsMax: balancer['max-connections'],
    relays: balancer.threads,
    ...(balancer.spare ? {} : { spare: false as const }),
    graceMs: balancer.grace,
    ...(hardStopAfterMs === undefined ? {} : { hardStopAfterMs }),
    statsSockets,
    logs: logs.events,
  };
}

/** The VIP does not depend on it: vrrp.ts. */
function buildPageAlone(draft: Draft, node: FoundNode | null): BuiltBalancer {
  const config = {
    process: toProcess(draft, node, toLogs(draft), []),
    frontends: [],
    httpFrontends: toStatsFrontend(draft),
    backends: [],
  };
  return { config, redirects: [], notes: [] };
}

/** null where there is nothing to balance and no page to show. Its result counts only when the report has no error. */
export function buildBalancer(draft: Draft, node: FoundNode | null): BuiltBalancer | null {
  const { file } = draft;
  const services = listServices(draft);
  if (services.length === 0) {
    if (file.services !== undefined) return null;
    warnOfUnused(draft);
    return file.stats === undefined ? null : buildPageAlone(draft, node);
  }
  const here = node?.here ?? false;
  const listening = services.filter((service) => !isNamed(service));
  const planned = planListeners(draft, services, listening, here);
  warnOfTimeouts(draft);
  warnOfStrays(draft);
  warnOfWayBack(draft);
  warnOfSharedAccount(draft);
  const apiservers = services.find(({ name }) => name === PROXY_NAME)?.servers ?? [];
  warnOfTcpCheck(
    draft,
    apiservers.map(({ name }) => name),
  );
  checkAdmission(draft);
  const plans = services.map((service) => planOf(draft, service, here));
  const logs = toLogs(draft);
  const config: BalancerConfig = {
    process: toProcess(draft, node, logs, toStatsSockets(draft)),
    ...toTables(draft, listening),
    frontends: listening.map((service) => ({
      ...toFrontend(draft, service.name, planned.binds.get(service.name) ?? [], logs),
      ...routesByName(services, service),
    })),
    httpFrontends: toStatsFrontend(draft),
    backends: services.map((service, index) => {
      const { name, servers } = service;
      const plan = plans[index] ?? { follows: name };
      const built = servers.map((each) => toServer(draft, each, plan));
      return { ...toBackend(draft, name, built, logs), listen: !isNamed(service) };
    }),
  };
  const notes = plans.flatMap((plan) => ('notes' in plan ? plan.notes : []));
  return { config, redirects: planned.redirects, notes };
}
