/**
 * From drafts to the configuration model: fills in HAProxy's defaults and refuses what cannot work
 * together.
 */

import { algorithmOf, type BalanceConfig } from '../../balance/algorithms.ts';
import { parseIpAddress } from '../../core/ip-address.ts';
import { checkKindOf } from '../../health/kinds/check-kinds.ts';
import type { BalancerConfig } from '../model/config.ts';
import type {
  BackendConfig,
  FrontendConfig,
  HttpFrontendConfig,
  ServerConfig,
} from '../model/traffic.ts';
import { didYouMean } from '../suggest.ts';
import { ipv6Key } from './address.ts';
import { buildCheck, judgeCheckOption } from './build-check.ts';
import { buildConnections, buildKeepalive, refuseOnPage } from './convert-connection.ts';
import { buildMonitorFail } from './convert-monitor.ts';
import { DEFAULT_STATS_REALM, DEFAULT_STATS_URI } from './convert-stats.ts';
import { buildStick } from './convert-stick.ts';
import {
  type BindDraft,
  backendNameOf,
  createDraft,
  hasBackend,
  hasFrontend,
  namedBackend,
  type ProxyDraft,
  type ServerDraft,
  type ServerSettings,
  type TimeoutName,
} from './draft.ts';
import { buildName, usedResolvers } from './names/server-names.ts';
import type { Drafts } from './proxies.ts';
import { type Place, type Report, WHOLE_FILE } from './report.ts';
import {
  buildBackendRules,
  buildFrontendRules,
  buildTables,
  isTableOnly,
} from './rules/build-rules.ts';
import { settleServerPorts } from './server-ports.ts';
import { judgeTracks, trackedName } from './tracks.ts';

const DEFAULT_WEIGHT = 1;

/** Of frontends that name none: it has no server. Names of a file have no such letters. */
const NO_BACKEND = '(none)';

/** Connections to a page that the file sets no limit for. HAProxy bounds it by the process alone. */
const PAGE_CONNECTIONS_MAX = 2_000;

function timeoutMs(draft: ProxyDraft, name: TimeoutName): number {
  return draft.timeouts.get(name)?.value ?? 0;
}

function optionalTimeoutMs(draft: ProxyDraft, name: TimeoutName): number | null {
  const value = timeoutMs(draft, name);
  return value === 0 ? null : value;
}

function buildServer(report: Report, draft: ProxyDraft, server: ServerDraft): ServerConfig {
  const { name, host, port, settings } = server;
  const { queueMax, slowstartMs, userTimeoutMs, sendProxy, shutdownBackups } = settings;
  const check = buildCheck(report, draft, server);
  const follows = trackedName(draft, server);
  const { source, transparent } = sourceOf(draft, settings);
  const foreign = transparent?.kind === 'address' ? transparent.host : null;
  for (const from of [source, foreign]) {
    if (from === null || !isOtherFamily(from, host)) continue;
    const text = `Server "${name}" at ${host} cannot be reached from ${from}, an address of the other family`;
    report.error(server.place, 'bad-value', text);
  }
  const ownEnd = settings.checkPort !== undefined || settings.checkHost !== undefined;
  if (sendProxy && check !== null && checkKindOf(check.kind).wantsAnswer && !ownEnd) {
    const text =
      `Checks of "${name}" send no PROXY protocol header, as its traffic does: give them a "port" ` +
      'that takes none, or check by TCP connects';
    report.error(server.place, 'unsupported-directive', text);
  }
  return {
    name,
    host,
    port,
    ...buildName(server),
    weight: settings.weight ?? DEFAULT_WEIGHT,
    connectionsMax: settings.connectionsMax ?? 0,
    ...(queueMax === undefined ? {} : { queueMax }),
    ...(slowstartMs === undefined ? {} : { slowstartMs }),
    ...(userTimeoutMs === undefined ? {} : { userTimeoutMs }),
    ...(sendProxy === undefined || sendProxy === 0 ? {} : { sendProxy }),
    ...(shutdownBackups === undefined ? {} : { shutdownBackupsOnUp: shutdownBackups }),
    backup: settings.backup ?? false,
    disabled: settings.disabled ?? false,
    check,
    ...(follows === null ? {} : { follows }),
    ...(source === null ? {} : { source }),
    ...(transparent === null ? {} : { transparent }),
    shutdownSessionsOnDown: settings.shutdownSessions ?? false,
  };
}

/** A server that says anything of it goes by nothing that its proxy says. */
function sourceOf(
  draft: ProxyDraft,
  { source, transparent }: ServerSettings,
): Pick<ProxyDraft, 'source' | 'transparent'> {
  return source === undefined ? draft : { source, transparent: transparent ?? null };
}

/** A name may have addresses of both. */
function isOtherFamily(source: string, host: string): boolean {
  return parseIpAddress(host).ok && source.includes(':') !== host.includes(':');
}

/** `hash-type` only matters to an algorithm that hashes. */
function buildBalance(report: Report, draft: ProxyDraft): BalanceConfig {
  const { balance, hashType } = draft;
  const { withHash } = algorithmOf(balance.value.kind);
  if (hashType === null || withHash === undefined) return balance.value;
  if (hashType.value.startsWith('consistent')) {
    const text =
      '"hash-type consistent" sends clients to other servers than HAProxy would: where nodes run ' +
      'one and the other, say "hash-type map-based"';
    report.warning(hashType.place, 'unsupported-directive', text);
    return withHash('consistent');
  }
  const text =
    `"hash-type ${hashType.value}" counts as "hash-type map-based", which sends clients to other servers than ` +
    'HAProxy would: where nodes run one and the other, say "hash-type map-based"';
  report.warning(hashType.place, 'unsupported-directive', text);
  return balance.value;
}

function buildBackend(report: Report, draft: ProxyDraft): BackendConfig {
  judgeCheckOption(report, draft);
  const queueTimeoutMs = optionalTimeoutMs(draft, 'queue');
  if (draft.servers.length === 0 && !isTableOnly(draft)) {
    const text = `Backend "${draft.name}" has no server: its clients are turned away`;
    report.warning(draft.place, 'missing-value', text);
  }
  return {
    name: draft.name,
    balance: buildBalance(report, draft),
    ...(draft.allBackups ? { allBackups: true as const } : {}),
    ...buildStick(draft),
    ...buildBackendRules(draft),
    connectTimeoutMs: timeoutMs(draft, 'connect'),
    serverTimeoutMs: timeoutMs(draft, 'server'),
    serverFinTimeoutMs: optionalTimeoutMs(draft, 'server-fin'),
    tunnelTimeoutMs: optionalTimeoutMs(draft, 'tunnel'),
    retries: draft.retries,
    ...(queueTimeoutMs === null ? {} : { queueTimeoutMs }),
    ...buildKeepalive(draft, 'serverKeepalive'),
    servers: draft.servers.map((server) => buildServer(report, draft, server)),
    logs: draft.logs,
    logHealthChecks: draft.logHealthChecks,
    panic: false,
    listen: draft.kind === 'listen',
  };
}

/** Turns away the clients of a frontend that has no other. */
function noBackend({ place }: ProxyDraft): BackendConfig {
  const empty = createDraft('backend', NO_BACKEND, place);
  return {
    name: NO_BACKEND,
    balance: empty.balance.value,
    connectTimeoutMs: 0,
    serverTimeoutMs: 0,
    serverFinTimeoutMs: null,
    tunnelTimeoutMs: null,
    retries: empty.retries,
    servers: [],
    logs: [],
    logHealthChecks: false,
    panic: false,
    listen: false,
  };
}

function connectionsMax(drafts: Drafts, draft: ProxyDraft): number {
  const own = draft.connectionsMax ?? 0;
  return own === 0 ? drafts.global.connectionsMax : own;
}

/** Says what a TCP proxy has no use for. */
function warnOfHttp(report: Report, draft: ProxyDraft): void {
  if (draft.stats !== null) {
    const text = `"stats" is ignored in "${draft.name}": it asks for "mode http"`;
    report.warning(draft.stats.place, 'ignored-directive', text);
  }
  if (draft.monitorUri !== null) {
    const text = `"monitor-uri" is ignored in "${draft.name}": it asks for "mode http"`;
    report.warning(draft.monitorUri.place, 'ignored-directive', text);
  }
  if (draft.metricsPath !== null) {
    const text = `"http-request use-service" is ignored in "${draft.name}": it asks for "mode http"`;
    report.warning(draft.metricsPath.place, 'ignored-directive', text);
  }
  const condition = draft.monitorFail[0]?.[0];
  if (condition !== undefined) {
    const text = `"monitor fail" is ignored in "${draft.name}": it asks for "mode http"`;
    report.warning(condition.place, 'ignored-directive', text);
  }
  if (draft.logFormat.value === 'httplog') {
    const text = `"option httplog" reads as "option tcplog" in "${draft.name}", which is TCP`;
    report.warning(draft.logFormat.place, 'ignored-directive', text);
  }
}

/** Name of the backend of all clients that no route leads elsewhere; null after an error. */
function resolveBackend(report: Report, drafts: Drafts, draft: ProxyDraft): string | null {
  const name = backendNameOf(draft);
  const place = namedBackend(draft) ?? draft.place;
  const routed = draft.access.routes.map(({ backend }) =>
    findTarget(report, drafts, draft, backend.text, backend),
  );
  if (name !== null) {
    const own = findTarget(report, drafts, draft, name, place);
    return routed.includes(null) ? null : own;
  }
  if (routed.length === 0) {
    const text = `Frontend "${draft.name}" has no backend, and its clients are turned away: add "default_backend"`;
    report.warning(place, 'missing-value', text);
  }
  return routed.includes(null) ? null : NO_BACKEND;
}

/** The backend's name, once it is known to exist and to carry TCP; null after an error. */
function findTarget(
  report: Report,
  drafts: Drafts,
  draft: ProxyDraft,
  name: string,
  place: Place,
): string | null {
  const backend = drafts.proxies.find((each) => hasBackend(each) && each.name === name) ?? null;
  // What is wrong with a backend of HTTP is said there.
  if (backend !== null && (backend.omitted === null || backend.omitted === 'http')) return name;
  if (backend?.omitted === 'left-out') {
    const text = `Backend "${name}" is left out: run without its frontend, too, by --leave-out ${draft.name}`;
    report.error(place, 'unknown-name', text);
    return null;
  }
  const usable = drafts.proxies.filter((each) => hasBackend(each) && each.omitted === null);
  const hint = didYouMean(
    name,
    usable.map((each) => each.name),
  );
  const what =
    backend === null ? `No backend is called "${name}"` : `Backend "${name}" is disabled`;
  report.error(place, 'unknown-name', `${what}${hint}`);
  return null;
}

function buildFrontend(report: Report, drafts: Drafts, draft: ProxyDraft): FrontendConfig | null {
  warnOfHttp(report, draft);
  const backend = resolveBackend(report, drafts, draft);
  if (backend === null) return null;
  return {
    name: draft.name,
    binds: draft.binds.map((each) => each.bind),
    connectionsMax: connectionsMax(drafts, draft),
    backend,
    clientTimeoutMs: timeoutMs(draft, 'client'),
    clientFinTimeoutMs: optionalTimeoutMs(draft, 'client-fin'),
    ...buildConnections(report, draft),
    ...buildFrontendRules(draft),
    log: {
      targets: draft.logs,
      format: draft.logFormat.value === 'connect' ? 'connect' : 'tcplog',
      dontLogNull: draft.dontLogNull,
    },
  };
}

/** A `mode http` proxy: the stats page, metrics or a monitor, and nothing else. */
function buildHttpFrontend(report: Report, drafts: Drafts, draft: ProxyDraft): HttpFrontendConfig {
  const { stats, monitorUri, metricsPath } = draft;
  refuseOnPage(report, draft);
  return {
    name: draft.name,
    ...(draft.kind === 'frontend' && { frontendOnly: true as const }),
    binds: draft.binds.map((each) => each.bind),
    connectionsMax: connectionsMax(drafts, draft) || PAGE_CONNECTIONS_MAX,
    clientTimeoutMs: timeoutMs(draft, 'client'),
    monitorUri: monitorUri?.value ?? null,
    // HAProxy's rules come before its page and its page's users.
    ...(metricsPath === null ? {} : { metrics: { path: metricsPath.value, guarded: false } }),
    ...buildMonitorFail(report, drafts.proxies, draft),
    stats:
      stats === null
        ? null
        : {
            uri: stats.uri ?? DEFAULT_STATS_URI,
            realm: stats.realm ?? DEFAULT_STATS_REALM,
            users: stats.users.map((user) => user.value),
            hideVersion: stats.hideVersion,
            admin: stats.admin !== null,
            refreshSeconds: stats.refreshSeconds,
            showNode: stats.showNode,
          },
  };
}

/** HAProxy warns likewise: without these a vanished peer holds its connection for good. */
function warnOfMissingTimeouts(report: Report, draft: ProxyDraft): void {
  const needed: TimeoutName[] = [];
  if (hasFrontend(draft)) needed.push('client');
  if (hasBackend(draft) && draft.mode.value === 'tcp') needed.push('connect', 'server');
  const missing = needed.filter((name) => timeoutMs(draft, name) === 0);
  if (missing.length === 0) return;
  const list = missing.map((name) => `"timeout ${name}"`).join(', ');
  const text = `"${draft.name}" waits without limit for a peer that is gone: add ${list}`;
  report.warning(draft.place, 'missing-value', text);
}

function bindKey({ bind }: BindDraft): string {
  const { address } = bind;
  if (address.kind === 'unix') return address.path;
  const host = address.kind === 'ipv6' ? ipv6Key(address.host) : address.host;
  return `${address.kind} ${host} ${address.port} ${bind.interface ?? ''}`;
}

function formatAddress({ bind }: BindDraft): string {
  const { address } = bind;
  if (address.kind === 'unix') return address.path;
  const host = address.kind === 'ipv6' ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** HAProxy shares connections of one address in two proxies out at random; in one proxy it is said twice. */
function judgeConflicts(report: Report, proxies: readonly ProxyDraft[]): void {
  const seen = new Map<string, BindDraft>();
  for (const proxy of proxies) {
    for (const draft of proxy.binds) {
      const key = bindKey(draft);
      const other = seen.get(key);
      if (other === undefined) seen.set(key, draft);
      else if (proxy.binds.includes(other)) {
        const text = `"${formatAddress(draft)}" is given twice in "${proxy.name}"; once is enough`;
        report.warning(draft.place, 'address-conflict', text);
        proxy.binds = proxy.binds.filter((each) => each !== draft);
      } else {
        const where = `line ${other.place.line} listens there already`;
        const text = `"${formatAddress(draft)}" is taken: ${where}; choose another address or port`;
        report.error(draft.place, 'address-conflict', text);
      }
    }
  }
}

/** Everything the file asks for; null when an error was reported, now or before. */
export function buildBalancer(report: Report, drafts: Drafts): BalancerConfig | null {
  const proxies = drafts.proxies.filter((draft) => draft.omitted === null);
  settleServerPorts(report, proxies);
  judgeConflicts(report, proxies);
  judgeTracks(report, proxies);
  const resolvers = usedResolvers(report, proxies, drafts.resolvers);
  const frontends: FrontendConfig[] = [];
  const httpFrontends: HttpFrontendConfig[] = [];
  const backends: BackendConfig[] = [];
  for (const draft of proxies) {
    warnOfMissingTimeouts(report, draft);
    if (hasFrontend(draft) && !draft.hasBindLine) {
      const text = `"${draft.name}" listens nowhere: add a line such as "bind :8443"`;
      report.error(draft.place, 'missing-value', text);
    }
    if (draft.mode.value === 'http') {
      httpFrontends.push(buildHttpFrontend(report, drafts, draft));
      continue;
    }
    const frontend = hasFrontend(draft) ? buildFrontend(report, drafts, draft) : null;
    if (frontend !== null) frontends.push(frontend);
    if (frontend?.backend === NO_BACKEND && !backends.some(({ name }) => name === NO_BACKEND)) {
      backends.push(noBackend(draft));
    }
    const relaying = draft.kind === 'listen' && draft.servers.length === 0;
    if (hasBackend(draft) && !(relaying && namedBackend(draft) !== null)) {
      backends.push(buildBackend(report, draft));
    }
  }
  const tables = buildTables(
    report,
    proxies.filter(({ mode }) => mode.value === 'tcp'),
  );
  if (!report.failed() && frontends.length + httpFrontends.length === 0) {
    const text = 'The file has no frontend and no listen section: nothing would listen';
    report.error(WHOLE_FILE, 'nothing-to-run', text);
  }
  if (report.failed()) return null;
  // HAProxy numbers disabled ones, too.
  const order = drafts.proxies.flatMap(({ kind, name }) =>
    kind === 'defaults' ? [] : [{ section: kind, name }],
  );
  return {
    process: drafts.global,
    frontends,
    httpFrontends,
    backends,
    ...(tables.length === 0 ? {} : { tables }),
    ...resolvers,
    order,
  };
}
