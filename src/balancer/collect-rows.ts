/** Turns configuration, server table, counters and rates into the rows of one moment. */

import type { BackendConfig, BalancerConfig } from '../config/model.ts';
import { assert } from '../core/assert.ts';
import { fullHealth } from '../health/rise-fall.ts';
import { checkStatusText } from '../health/server-events.ts';
import {
  BACKEND_COUNTERS,
  type BackendCounter,
  FRONTEND_COUNTERS,
  type FrontendCounter,
  readCounter,
  SERVER_COUNTERS,
  type ServerCounter,
} from '../stats/layout.ts';
import type {
  BackendRow,
  FrontendRow,
  HttpCounts,
  RowState,
  ServerRow,
  StatRow,
} from '../stats/rows.ts';
import type { HttpProxyCounts } from './admin/http-counts.ts';
import type { DataPlane } from './data-plane.ts';
import type { Rate, Rates } from './rates.ts';
import {
  type BackendEntry,
  isServing,
  isUsable,
  type ServerEntry,
  type ServerTable,
  weightOf,
} from './server-table.ts';

export type RowSources = {
  readonly config: BalancerConfig;
  readonly table: ServerTable;
  readonly plane: Pick<DataPlane, 'layout' | 'counters'>;
  readonly rates: Rates;
  /** By the HTTP frontend's index. */
  readonly http: readonly HttpProxyCounts[];
  /** Monotonic, ms. */
  readonly now: number;
  /** When this balancer began to serve, on the same clock. */
  readonly startedAt: number;
};

/** HAProxy gives the first proxy of a file this number. */
const FIRST_PROXY_ID = 2;

type Proxy =
  | { readonly kind: 'frontend'; readonly id: number; readonly index: number }
  | { readonly kind: 'backend'; readonly id: number; readonly index: number }
  | { readonly kind: 'http'; readonly id: number; readonly index: number };

/** The proxies in the order of the rows, numbered as HAProxy numbers them. */
export function listProxies(config: BalancerConfig): readonly Proxy[] {
  const proxies: Proxy[] = [];
  let id = FIRST_PROXY_ID;
  for (const [index, frontend] of config.frontends.entries()) {
    proxies.push({ kind: 'frontend', id, index });
    const own = config.backends.findIndex(({ listen, name }) => listen && name === frontend.name);
    if (own !== -1) proxies.push({ kind: 'backend', id, index: own });
    id++;
  }
  for (const [index, { listen, name }] of config.backends.entries()) {
    if (listen && config.frontends.some((frontend) => frontend.name === name)) continue;
    proxies.push({ kind: 'backend', id: id++, index });
  }
  for (const index of config.httpFrontends.keys()) proxies.push({ kind: 'http', id: id++, index });
  return proxies;
}

export function collectRows(sources: RowSources): readonly StatRow[] {
  return listProxies(sources.config).flatMap((proxy): StatRow[] => {
    switch (proxy.kind) {
      case 'frontend':
        return [frontendRow(sources, proxy.index, proxy.id)];
      case 'backend':
        return backendRows(sources, proxy.index, proxy.id);
      case 'http':
        return httpRows(sources, proxy.index, proxy.id);
    }
  });
}

/** Totals whose growth per second is a rate, by the keys the rows look them up with. */
export function collectTotals(
  sources: Pick<RowSources, 'config' | 'plane' | 'http'>,
): ReadonlyMap<string, number> {
  const { config, plane, http } = sources;
  const totals = new Map<string, number>();
  let connections = 0;
  let bytesOut = 0;
  for (const index of config.frontends.keys()) {
    const total = frontendCounter(plane, index, 'connectionsTotal');
    totals.set(`frontend ${index}`, total);
    connections += total;
    bytesOut += frontendCounter(plane, index, 'bytesOut');
  }
  for (const [index, backend] of config.backends.entries()) {
    totals.set(`backend ${index}`, backendCounter(plane, index, 'sessionsTotal'));
    for (const server of backend.servers.keys()) {
      const total = serverCounter(plane, index, server, 'sessionsTotal');
      totals.set(`server ${index}/${server}`, total);
    }
  }
  for (const [index, counts] of http.entries()) {
    totals.set(`http ${index}`, counts.connectionsTotal);
    totals.set(`requests ${index}`, counts.requests);
    connections += counts.connectionsTotal;
    bytesOut += counts.bytesOut;
  }
  return totals.set('connections', connections).set('bytesOut', bytesOut);
}

type Plane = RowSources['plane'];

export function frontendCounter(plane: Plane, index: number, name: FrontendCounter): number {
  const block = plane.layout.frontends[index];
  assert(block !== undefined, `frontend ${index} has counters`);
  return readCounter(plane.counters, block, FRONTEND_COUNTERS, name);
}

export function backendCounter(plane: Plane, index: number, name: BackendCounter): number {
  const block = plane.layout.backends[index];
  assert(block !== undefined, `backend ${index} has counters`);
  return readCounter(plane.counters, block, BACKEND_COUNTERS, name);
}

export function serverCounter(
  plane: Plane,
  backend: number,
  server: number,
  name: ServerCounter,
): number {
  const block = plane.layout.servers[backend]?.[server];
  assert(block !== undefined, `server ${backend}/${server} has counters`);
  return readCounter(plane.counters, block, SERVER_COUNTERS, name);
}

function frontendRow(sources: RowSources, index: number, proxyId: number): FrontendRow {
  const { config, plane, rates } = sources;
  const frontend = config.frontends[index];
  assert(frontend !== undefined, `frontend ${index} exists`);
  const rate = rates.get(`frontend ${index}`);
  return {
    kind: 'frontend',
    proxy: frontend.name,
    proxyId,
    mode: 'tcp',
    limit: frontend.connectionsMax,
    sessionsCurrent: frontendCounter(plane, index, 'connectionsCurrent'),
    sessionsMax: frontendCounter(plane, index, 'connectionsMax'),
    sessionsTotal: frontendCounter(plane, index, 'connectionsTotal'),
    bytesIn: frontendCounter(plane, index, 'bytesIn'),
    bytesOut: frontendCounter(plane, index, 'bytesOut'),
    rate: rate.current,
    rateMax: rate.max,
    http: null,
  };
}

function backendRows(sources: RowSources, index: number, proxyId: number): StatRow[] {
  const { table, plane, rates, now } = sources;
  const entry = table.backends[index];
  assert(entry !== undefined, `backend ${index} exists`);
  const servers = entry.servers.map((_, server) => serverRow(sources, index, server, proxyId));
  const rate = rates.get(`backend ${index}`);
  const up = servers.length === 0 || entry.usableActive + entry.usableBackup > 0;
  const downtimeMs = entry.downtimeMs + (up ? 0 : now - entry.changedAtMs);
  const sum = (name: ServerCounter): number =>
    servers.reduce((total, _, server) => total + serverCounter(plane, index, server, name), 0);
  const row: BackendRow = {
    kind: 'backend',
    proxy: entry.config.name,
    proxyId,
    mode: 'tcp',
    limit: backendLimit(sources.config, entry.config),
    algorithm: entry.config.balance.kind,
    up,
    usableActive: entry.usableActive,
    usableBackup: entry.usableBackup,
    servers: servers.length,
    sessionsCurrent: backendCounter(plane, index, 'sessionsCurrent'),
    sessionsMax: backendCounter(plane, index, 'sessionsMax'),
    sessionsTotal: backendCounter(plane, index, 'sessionsTotal'),
    bytesIn: backendCounter(plane, index, 'bytesIn'),
    bytesOut: backendCounter(plane, index, 'bytesOut'),
    rate: rate.current,
    rateMax: rate.max,
    connectErrors: backendCounter(plane, index, 'connectErrors'),
    retries: sum('retries'),
    redispatches: sum('redispatches'),
    clientAborts: backendCounter(plane, index, 'clientAborts'),
    serverAborts: backendCounter(plane, index, 'serverAborts'),
    lastSessionS: lastSessionS(rate, now),
    connectTimeMs: average(sum('connectTimeTotalMs'), sum('sessionsTotal')),
    connectTimeMaxMs: Math.max(0, ...servers.map((server) => server.connectTimeMaxMs)),
    sessionTimeMs: average(sum('sessionTimeTotalMs'), sum('sessionsTotal')),
    sessionTimeMaxMs: Math.max(0, ...servers.map((server) => server.sessionTimeMaxMs)),
    weight: usableWeight(entry),
    lastChangeS: seconds(now - entry.changedAtMs),
    downtimeS: seconds(downtimeMs),
    downTransitions: entry.downTransitions,
    http: null,
  };
  return [...servers, row];
}

function serverRow(
  sources: RowSources,
  backend: number,
  server: number,
  proxyId: number,
): ServerRow {
  const { table, plane, rates, now } = sources;
  const entry = table.entry(backend, server);
  const { config } = entry;
  const counter = (name: ServerCounter): number => serverCounter(plane, backend, server, name);
  const rate = rates.get(`server ${backend}/${server}`);
  const total = counter('sessionsTotal');
  return {
    kind: 'server',
    proxy: table.backends[backend]?.config.name ?? '',
    proxyId,
    mode: 'tcp',
    server: config.name,
    serverId: server + 1,
    address: serverAddress(entry),
    limit: config.connectionsMax === 0 ? null : config.connectionsMax,
    backup: config.backup,
    ...serverCondition(entry),
    configuredWeight: config.weight,
    check: rowCheck(entry),
    sessionsCurrent: counter('sessionsCurrent'),
    sessionsMax: counter('sessionsMax'),
    sessionsTotal: total,
    bytesIn: counter('bytesIn'),
    bytesOut: counter('bytesOut'),
    rate: rate.current,
    rateMax: rate.max,
    connectErrors: counter('connectErrors'),
    retries: counter('retries'),
    redispatches: counter('redispatches'),
    clientAborts: counter('clientAborts'),
    serverAborts: counter('serverAborts'),
    lastSessionS: lastSessionS(rate, now),
    connectTimeMs: average(counter('connectTimeTotalMs'), total),
    connectTimeMaxMs: counter('connectTimeMaxMs'),
    sessionTimeMs: average(counter('sessionTimeTotalMs'), total),
    sessionTimeMaxMs: counter('sessionTimeMaxMs'),
    weight: weightOf(entry),
    lastChangeS: seconds(now - entry.changedAtMs),
    downtimeS: seconds(table.downtimeMs(entry)),
    downTransitions: entry.downTransitions,
  };
}

export function serverAddress({ config: { host, port } }: ServerEntry): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** HAProxy's status words (management guide 9.1, "status"). */
function serverCondition(entry: ServerEntry): { state: RowState; status: string } {
  const { admin, health, config } = entry;
  if (admin === 'maint') return { state: 'maint', status: 'MAINT' };
  const up = isServing(entry);
  if (config.check === null) {
    if (admin === 'drain') return { state: 'drain', status: 'DRAIN' };
    return { state: 'unchecked', status: 'no check' };
  }
  const { rise, fall } = config.check;
  if (!up) {
    if (health === 0) return { state: 'down', status: 'DOWN' };
    return { state: 'going-up', status: `DOWN ${health}/${rise}` };
  }
  const word = admin === 'drain' ? 'DRAIN' : 'UP';
  if (health === fullHealth(config.check)) {
    return { state: admin === 'drain' ? 'drain' : 'up', status: word };
  }
  return {
    state: admin === 'drain' ? 'drain' : 'going-down',
    status: `${word} ${health - rise + 1}/${fall}`,
  };
}

function rowCheck({
  config,
  admin,
  health,
  result,
  failedChecks,
}: ServerEntry): ServerRow['check'] {
  if (config.check === null) return null;
  return {
    failed: failedChecks,
    running: admin !== 'maint',
    status: result.status,
    description: checkStatusText(result.status),
    info: result.info,
    durationMs: result.durationMs,
    rise: config.check.rise,
    fall: config.check.fall,
    health,
  };
}

/** A `mode http` proxy of ours has a backend row without servers, as HAProxy's `listen` has. */
function httpRows(sources: RowSources, index: number, proxyId: number): StatRow[] {
  const { config, rates, now, startedAt } = sources;
  const frontend = config.httpFrontends[index];
  const counts = sources.http[index];
  assert(frontend !== undefined && counts !== undefined, `HTTP frontend ${index} exists`);
  const rate = rates.get(`http ${index}`);
  const requests = rates.get(`requests ${index}`);
  const common = { proxy: frontend.name, proxyId, mode: 'http' } as const;
  const http: HttpCounts = {
    requests: counts.requests,
    requestRate: requests.current,
    requestRateMax: requests.max,
    responses: counts.responses,
  };
  const quiet = {
    sessionsCurrent: 0,
    sessionsMax: 0,
    sessionsTotal: 0,
    rate: 0,
    rateMax: 0,
    connectErrors: 0,
    retries: 0,
    redispatches: 0,
    clientAborts: 0,
    serverAborts: 0,
    connectTimeMs: 0,
    connectTimeMaxMs: 0,
    sessionTimeMs: 0,
    sessionTimeMaxMs: 0,
    weight: 0,
    downtimeS: 0,
    downTransitions: 0,
    usableActive: 0,
    usableBackup: 0,
    servers: 0,
  };
  return [
    {
      ...common,
      kind: 'frontend',
      limit: frontend.connectionsMax,
      sessionsCurrent: counts.connectionsCurrent,
      sessionsMax: counts.connectionsMax,
      sessionsTotal: counts.connectionsTotal,
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      rate: rate.current,
      rateMax: rate.max,
      http,
    },
    {
      ...common,
      ...quiet,
      kind: 'backend',
      limit: Math.ceil(frontend.connectionsMax / 10),
      algorithm: 'roundrobin',
      up: true,
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      lastSessionS: lastSessionS(rate, now),
      lastChangeS: seconds(now - startedAt),
      http: { ...http, responses: [0, 0, 0, 0, 0, 0], requests: 0 },
    },
  ];
}

/** HAProxy's default `fullconn`: a tenth of what its frontends let in. */
function backendLimit(config: BalancerConfig, backend: BackendConfig): number {
  const frontends = config.frontends.filter((frontend) => frontend.backend === backend.name);
  return Math.ceil(frontends.reduce((sum, one) => sum + one.connectionsMax, 0) / 10);
}

/** Weight of the servers that carry the backend now: the active ones, or the first backup. */
function usableWeight({ servers, usableActive }: BackendEntry): number {
  const usable = servers.filter(isUsable);
  if (usableActive === 0) {
    const [backup] = usable;
    return backup === undefined ? 0 : weightOf(backup);
  }
  return usable
    .filter(({ config }) => !config.backup)
    .reduce((sum, entry) => sum + weightOf(entry), 0);
}

function lastSessionS({ lastGrowthMs }: Rate, now: number): number {
  return lastGrowthMs === null ? -1 : seconds(now - lastGrowthMs);
}

function average(total: number, count: number): number {
  return count === 0 ? 0 : total / count;
}

function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
