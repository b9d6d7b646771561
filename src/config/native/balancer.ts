/** The balancer half of evergate.yaml; it is the same on every node. */

import { parseEndpoint } from '../haproxy/address.ts';
import { FACILITIES, LEVELS } from '../haproxy/convert-log.ts';
import type {
  BackendConfig,
  BalanceConfig,
  BalancerConfig,
  FrontendConfig,
  HttpFrontendConfig,
  KeepaliveConfig,
  LogTarget,
  ServerConfig,
  SourceRule,
  StatsSocketConfig,
} from '../model.ts';
import { type CheckPlan, planCheck } from './check-section.ts';
import { PROXY_NAME, SERVERS_MAX, STATS_NAME, USERS_MAX } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { FoundNode } from './find-node.ts';
import { refuseCollisions, refuseLoops, type Target, toBinds } from './listeners.ts';
import type { ServerKeys } from './schema.ts';
import { toCheckConfig } from './to-check-config.ts';
import { warnOfStats, warnOfStrays, warnOfTcpCheck, warnOfTimeouts } from './warnings.ts';

const SYSLOG_PORT = 514;
/** HAProxy's default realm is its own name. */
const STATS_REALM = 'Evergate';
const STATS_CONNECTIONS_MAX = 100;
const STATS_CLIENT_TIMEOUT_MS = 60_000;
const RANDOM_DRAWS = 2;

const SERVER_DEFAULTS: ServerKeys = {
  weight: 1,
  'max-connections': 0,
  slowstart: 0,
  'send-proxy': 'none',
  backup: false,
  maintenance: false,
};

/** Sections and keys that only a balancer uses. */
const BALANCER_KEYS = [
  'apiserver-port',
  'servers',
  'balance',
  'hash',
  'retries',
  'check',
  'timeouts',
  'hedge',
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

type Listed = Target & { readonly keys: ServerKeys };

function listServers(draft: Draft): readonly Listed[] {
  const { file, report } = draft;
  const defaultPort = file['apiserver-port'];
  if (file.servers === undefined) {
    return Object.entries(file.nodes).map(([name, { address, server }]) => {
      const keys = server ?? SERVER_DEFAULTS;
      return { name, host: address, port: keys.port ?? defaultPort, keys };
    });
  }
  for (const [name, { server }] of Object.entries(file.nodes)) {
    if (server === undefined) continue;
    const text = `"server" of node "${name}" has no place beside "servers", which names the apiservers; remove it`;
    report.error(draft.keyPlace(['nodes', name, 'server']), 'bad-value', text);
  }
  return Object.entries(file.servers).map(([name, entry]) => {
    if (entry.address.port !== null && entry.port !== undefined) {
      const text = `Server "${name}" has two ports, in its "address" and as "port"; keep one`;
      report.error(draft.keyPlace(['servers', name, 'port']), 'duplicate-name', text);
    }
    const port = entry.address.port ?? entry.port ?? defaultPort;
    return { name, host: entry.address.host, port, keys: entry };
  });
}

function checkServers(draft: Draft, servers: readonly Listed[]): void {
  const { report } = draft;
  if (draft.file.servers === undefined) return;
  if (servers.length === 0 || servers.length > SERVERS_MAX) {
    const text = `"servers" names ${servers.length} servers; give 1 to ${SERVERS_MAX}`;
    report.error(draft.keyPlace(['servers']), 'missing-value', text);
  }
  const owners = new Map<string, string>();
  for (const { name, host, port } of servers) {
    const owner = owners.get(`${host} ${port}`);
    owners.set(`${host} ${port}`, owner ?? name);
    if (owner === undefined) continue;
    const text = `Servers "${owner}" and "${name}" are the same, ${host}:${port}; remove one`;
    report.error(draft.keyPlace(['servers', name]), 'duplicate-name', text);
  }
}

function toServer(draft: Draft, { name, host, port, keys }: Listed, plan: CheckPlan): ServerConfig {
  const vips = (draft.file.vip ?? []).map(({ address }) => address);
  return {
    name,
    host,
    port,
    weight: keys.weight,
    connectionsMax: keys['max-connections'],
    backup: keys.backup,
    disabled: keys.maintenance,
    check: toCheckConfig(plan, host, vips),
    userTimeoutMs: draft.file.tcp['user-timeout'],
    ...(keys.slowstart > 0 ? { slowstartMs: keys.slowstart } : {}),
    ...(keys['send-proxy'] === 'none' ? {} : { sendProxy: keys['send-proxy'] === 'v1' ? 1 : 2 }),
    shutdownSessionsOnDown: true,
  };
}

type LogTo = LogTarget['address'];

/** null after an error. */
function toLogAddress(draft: Draft, to: string, index: number): LogTo | null {
  if (to === 'stderr' || to === 'stdout') return { kind: to };
  const endpoint = parseEndpoint(to);
  const port = endpoint.ok && 'port' in endpoint.value ? endpoint.value.port : null;
  const number = port === null || port === '' ? SYSLOG_PORT : Number(port);
  if (endpoint.ok && endpoint.value.kind === 'unix' && !to.includes('@')) {
    return { kind: 'unix', path: endpoint.value.path };
  }
  const usable =
    endpoint.ok &&
    !to.includes('@') &&
    endpoint.value.kind !== 'other' &&
    number >= 1 &&
    number <= 65_535;
  if (usable && 'host' in endpoint.value) {
    return { kind: 'udp', host: endpoint.value.host, port: number };
  }
  const text = `"logs[${index + 1}].to": "${to}" is no target; write stderr, /dev/log or 127.0.0.1:514`;
  draft.report.error(draft.place(['logs', index, 'to']), 'bad-value', text);
  return null;
}

type Logs = { readonly events: readonly LogTarget[]; readonly connections: readonly LogTarget[] };

function toLogs(draft: Draft): Logs {
  const events: LogTarget[] = [];
  const connections: LogTarget[] = [];
  for (const [index, log] of draft.file.logs.entries()) {
    const address = toLogAddress(draft, log.to, index);
    if (address === null) continue;
    const standard = address.kind === 'stderr' || address.kind === 'stdout';
    const target: LogTarget = {
      address,
      format: standard ? 'short' : 'rfc3164',
      facility: FACILITIES.indexOf(log.facility),
      levelMax: LEVELS.indexOf(log.level),
      levelMin: 0,
    };
    events.push(target);
    if (log.connections) connections.push(target);
  }
  return { events, connections };
}

function toStatsFrontend(draft: Draft): readonly HttpFrontendConfig[] {
  const { stats } = draft.file;
  if (stats === undefined) return [];
  const users = Object.entries(stats.users).map(([name, password]) => ({ name, password }));
  if (users.length > USERS_MAX) {
    const text = `"stats.users" has ${users.length} users; give at most ${USERS_MAX}`;
    draft.report.error(draft.keyPlace(['stats', 'users']), 'bad-value', text);
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

/** Denials first; where some networks are allowed, all others are not. */
function toSources({ file: { clients } }: Draft): readonly SourceRule[] {
  const { allow = [], deny = [] } = clients;
  const rules: SourceRule[] = [];
  if (deny.length > 0) rules.push({ action: 'deny', networks: deny });
  if (allow.length > 0) {
    rules.push({ action: 'allow', networks: allow }, { action: 'deny', networks: [] });
  }
  return rules;
}

function toFrontend(draft: Draft, logs: Logs): FrontendConfig {
  const { listen = [], timeouts, clients, tcp } = draft.file;
  const sources = toSources(draft);
  const rate = clients['rate-connections'];
  return {
    name: PROXY_NAME,
    binds: toBinds(draft, listen, ['listen']),
    connectionsMax: 0,
    backend: PROXY_NAME,
    clientTimeoutMs: timeouts.handshake,
    clientFinTimeoutMs: timeouts['half-closed'],
    keepalive: toKeepalive(draft),
    userTimeoutMs: tcp['user-timeout'],
    acceptProxy: clients['accept-proxy'],
    ...(sources.length > 0 ? { sources } : {}),
    ...(rate === undefined
      ? {}
      : { sourceRate: { connections: rate, periodMs: clients['rate-period'] } }),
    log: { targets: logs.connections, format: 'tcplog', dontLogNull: true },
  };
}

function toBalance({ file: { balance, hash } }: Draft): BalanceConfig {
  if (balance === 'random') return { kind: balance, draws: RANDOM_DRAWS };
  return balance === 'source' ? { kind: balance, hash } : { kind: balance };
}

function toBackend(draft: Draft, servers: readonly ServerConfig[], logs: Logs): BackendConfig {
  const { timeouts, hedge, retries } = draft.file;
  return {
    name: PROXY_NAME,
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
    servers,
    logs: logs.events,
    logHealthChecks: false,
    panic: true,
    listen: true,
  };
}

export type BuiltBalancer = {
  readonly config: BalancerConfig;
  readonly notes: readonly string[];
};

/** null without `listen`. Its result counts only when the report has no error. */
export function buildBalancer(draft: Draft, node: FoundNode | null): BuiltBalancer | null {
  const { file } = draft;
  if (file.listen === undefined) {
    warnOfUnused(draft);
    return null;
  }
  const listed = listServers(draft);
  checkServers(draft, listed);
  refuseCollisions(draft);
  refuseLoops(draft, listed);
  warnOfTimeouts(draft);
  warnOfStrays(draft);
  warnOfTcpCheck(
    draft,
    listed.map(({ name }) => name),
  );
  const plan = planCheck(draft, node?.here ?? false);
  const logs = toLogs(draft);
  const servers = listed.map((each) => toServer(draft, each, plan));
  const { balancer } = file;
  const config: BalancerConfig = {
    process: {
      node: node?.name ?? null,
      user: balancer.user,
      group: balancer.group ?? null,
      connectionsMax: balancer['max-connections'],
      relays: balancer.threads,
      statsSockets: toStatsSockets(draft),
      logs: logs.events,
    },
    frontends: [toFrontend(draft, logs)],
    httpFrontends: toStatsFrontend(draft),
    backends: [toBackend(draft, servers, logs)],
  };
  return { config, notes: plan.notes };
}
