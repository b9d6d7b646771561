/** Turns configuration, server table, counters and rates into the rows of one moment. */

import type { BalancerConfig, SectionName } from '../../config/model/config.ts';
import { type BackendConfig, type FrontendConfig, targetsOf } from '../../config/model/traffic.ts';
import type { DataPlane } from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import { addressWithPort } from '../../core/ip-address.ts';
import { fullHealth } from '../../health/rise-fall.ts';
import { checkStatusText } from '../../health/server-events.ts';
import { BACKEND, FRONTEND, SERVER } from '../../stats/catalogue.ts';
import { countsOf, foldCounts } from '../../stats/counts.ts';
import type { BackendRow, FrontendRow, RowState, ServerRow, StatRow } from '../../stats/rows.ts';
import type { BackendEntry } from '../servers/backend-entry.ts';
import {
  adminOf,
  checkedEntry,
  followedAdmin,
  isInMaintenance,
  isServing,
  isUsable,
  leaderName,
  type ServerEntry,
  throttleOf,
  weightOf,
} from '../servers/server-entry.ts';
import type { ServerTable } from '../servers/server-table.ts';
import { type HttpRowSources, httpRows } from './collect-http-rows.ts';
import { wholeSeconds } from './rates.ts';

export type RowSources = HttpRowSources & {
  readonly table: ServerTable;
  readonly plane: Pick<DataPlane, 'counters' | 'limits'>;
};

/** HAProxy gives the first proxy of a file this number. */
const FIRST_PROXY_ID = 2;

/** `index`: in the configuration's list of that kind. */
type Proxy = {
  readonly kind: 'frontend' | 'backend' | 'http';
  readonly id: number;
  readonly index: number;
};

/** The proxies in the order of the rows, numbered as HAProxy numbers them: a `listen` has one for both rows. */
export function listProxies(config: BalancerConfig): readonly Proxy[] {
  return (config.order ?? sectionsOf(config)).flatMap(({ section, name }, place) => {
    const id = FIRST_PROXY_ID + place;
    const find = (kind: Proxy['kind'], list: readonly { readonly name: string }[]) => {
      const index = list.findIndex((one) => one.name === name);
      return index === -1 ? [] : [{ kind, id, index }];
    };
    return [
      ...(section === 'backend' ? [] : find('frontend', config.frontends)),
      ...(section === 'frontend' ? [] : find('backend', config.backends)),
      ...(section === 'backend' ? [] : find('http', config.httpFrontends)),
    ];
  });
}

/** Frontends, backends, pages: the order of a configuration that has no sections. */
function sectionsOf({
  frontends,
  backends,
  httpFrontends,
}: BalancerConfig): readonly SectionName[] {
  const listens = backends.filter(({ listen }) => listen).map(({ name }) => name);
  const names = frontends.map(({ name }) => name);
  return [
    ...names.map((name) => ({
      section: listens.includes(name) ? ('listen' as const) : ('frontend' as const),
      name,
    })),
    ...backends
      .filter(({ listen, name }) => !listen || !names.includes(name))
      .map(({ name }) => ({ section: 'backend' as const, name })),
    ...httpFrontends.map(({ name }) => ({ section: 'frontend' as const, name })),
  ];
}

export function collectRows(sources: RowSources): readonly StatRow[] {
  return listProxies(sources.config).flatMap((proxy) => proxyRows(sources, proxy));
}

function proxyRows(sources: RowSources, { kind, index, id }: Proxy): readonly StatRow[] {
  switch (kind) {
    case 'frontend':
      return [frontendRow(sources, index, id)];
    case 'backend':
      return backendRows(sources, index, id);
    case 'http':
      return httpRows(sources, index, id);
  }
}

function frontendRow(sources: RowSources, index: number, proxyId: number): FrontendRow {
  const { config, plane, rates, now } = sources;
  const frontend = config.frontends[index];
  assert(frontend !== undefined, `frontend ${index} exists`);
  const rate = rates.get(`frontend ${frontend.name}`);
  const connections = rates.get(`connections ${frontend.name}`);
  return {
    kind: 'frontend',
    proxy: frontend.name,
    proxyId,
    mode: 'tcp',
    limit: frontendLimit(sources, frontend),
    now,
    counts: countsOf(FRONTEND, (name) => plane.counters.frontend(index, name)),
    rate: rate.current,
    rateMax: rate.max,
    connectionRate: connections.current,
    connectionRateMax: connections.max,
    http: null,
  };
}

function backendRows(sources: RowSources, index: number, proxyId: number): StatRow[] {
  const { table, plane, rates, now } = sources;
  const entry = table.backends[index];
  assert(entry !== undefined, `backend ${index} exists`);
  const servers = entry.servers.map((_, server) => serverRow(sources, index, server, proxyId));
  const rate = rates.get(`backend ${entry.config.name}`);
  const up = servers.length === 0 || entry.usableActive + entry.usableBackup > 0;
  const downtimeMs = entry.downtimeMs + (up ? 0 : now - entry.changedAtMs);
  const ofServers = servers.map((server) => server.counts);
  const row: BackendRow = {
    kind: 'backend',
    proxy: entry.config.name,
    proxyId,
    mode: 'tcp',
    limit: backendLimit(sources, entry.config),
    algorithm: entry.config.balance.kind,
    up,
    usableActive: entry.usableActive,
    usableBackup: entry.usableBackup,
    servers: servers.length,
    now,
    counts: countsOf(BACKEND, (name) => plane.counters.backend(index, name)),
    serverCounts: foldCounts(SERVER, ofServers),
    rate: rate.current,
    rateMax: rate.max,
    weight: usableWeight(entry),
    lastChangeS: wholeSeconds(now - entry.changedAtMs),
    downtimeS: wholeSeconds(downtimeMs),
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
  const rate = rates.get(`server ${table.backends[backend]?.config.name}/${config.name}`);
  const throttle = throttleOf(entry, now);
  const leader = leaderName(entry);
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
    ...(leader === null ? {} : { tracked: leader }),
    certificate: entry.certificate,
    now,
    counts: countsOf(SERVER, (name) => plane.counters.server(backend, server, name)),
    rate: rate.current,
    rateMax: rate.max,
    queueLimit: config.queueMax === undefined || config.queueMax === 0 ? null : config.queueMax,
    ...(throttle === null ? {} : { throttle }),
    weight: weightOf(entry),
    lastChangeS: wholeSeconds(now - entry.changedAtMs),
    downtimeS: wholeSeconds(table.downtimeMs(entry)),
    downTransitions: entry.downTransitions,
  };
}

/** As HAProxy shows it, empty where it has none. */
export function serverAddress({ address }: ServerEntry): string {
  return address === null ? '' : addressWithPort(address.host, address.port);
}

/** HAProxy's status words (management guide 9.1, "status"). */
function serverCondition(entry: ServerEntry): { state: RowState; status: string } {
  const admin = adminOf(entry);
  if (entry.address === null) return { state: 'maint', status: 'MAINT (resolution)' };
  if (admin === 'maint') {
    const via = followedAdmin(entry) === 'maint' ? ` (via ${leaderName(entry)})` : '';
    return { state: 'maint', status: `MAINT${via}` };
  }
  const up = isServing(entry);
  const { health, config, stopping } = checkedEntry(entry);
  if (config.check === null) {
    if (admin === 'drain') return { state: 'drain', status: 'DRAIN' };
    return { state: 'unchecked', status: 'no check' };
  }
  const { rise, fall } = config.check;
  if (!up) {
    if (health === 0) return { state: 'down', status: 'DOWN' };
    return { state: 'going-up', status: `DOWN ${health}/${rise}` };
  }
  if (stopping) {
    const place = health === fullHealth(config.check) ? '' : ` ${health - rise + 1}/${fall}`;
    return { state: 'drain', status: `NOLB${place}` };
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

function rowCheck(entry: ServerEntry): ServerRow['check'] {
  const { config, health, result, failedChecks, failedAnalyses } = entry;
  if (config.check === null) return null;
  return {
    failed: failedChecks,
    running: !isInMaintenance(entry),
    status: result.status,
    description: checkStatusText(result.status),
    info: result.info,
    ...(result.code === undefined ? {} : { code: result.code }),
    ...(config.check.passive === null ? {} : { failedAnalyses }),
    durationMs: result.durationMs,
    rise: config.check.rise,
    fall: config.check.fall,
    health,
  };
}

/** A frontend without a limit of its own has the process's, and that of its descriptors without one. */
function frontendLimit({ config, plane }: RowSources, { connectionsMax }: FrontendConfig): number {
  return connectionsMax || config.process.connectionsMax || plane.limits().connections;
}

/** HAProxy's default `fullconn`: a tenth of what its frontends let in. */
function backendLimit(sources: RowSources, backend: BackendConfig): number {
  const { frontends } = sources.config;
  const own = frontends.filter((frontend) => targetsOf(frontend).includes(backend.name));
  return Math.ceil(own.reduce((sum, one) => sum + frontendLimit(sources, one), 0) / 10);
}

/** Weight of the servers that carry the backend now: the active ones, or the first backup, or all of them. */
function usableWeight({ config, servers, usableActive }: BackendEntry): number {
  const usable = servers.filter(isUsable);
  const active = usable.filter((entry) => !entry.config.backup);
  const standing = config.allBackups === true ? usable : usable.slice(0, 1);
  const carrying = usableActive === 0 ? standing : active;
  return carrying.reduce((sum, entry) => sum + weightOf(entry), 0);
}
