/** TCP frontends and their servers as the apiservers' service and those of `services`. */

import { addressWithPort } from '../../core/ip-address.ts';
import {
  NAMES_MAX,
  PROXY_NAME,
  SERVERS_MAX,
  SERVICES_MAX,
  STATS_NAME,
} from '../evergate-yaml/defaults.ts';
import { isName } from '../evergate-yaml/schema.ts';
import type { BalancerConfig } from '../model/config.ts';
import type { BackendConfig, FrontendConfig, ServerConfig } from '../model/traffic.ts';
import { checkOf } from './checks.ts';
import type { Machine } from './cluster.ts';
import { type Block, block, durationText, type ImportDraft, type Value } from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import { listens } from './listen.ts';
import { type Routed, routeByNames } from './names.ts';
import type { OldService } from './settings.ts';

const APISERVER_PORT = 6443;
const APISERVER_PATHS = ['/readyz', '/livez', '/healthz'];
const SLOWSTART_WHY = 'an apiserver says that it is ready before its caches are warm';

export type RoutedFrontend = Routed & { readonly frontend: FrontendConfig };

export type Services = {
  /** null: no frontend leads to apiservers, but by names. */
  readonly main: OldService | null;
  readonly others: readonly OldService[];
  readonly frontends: readonly RoutedFrontend[];
};

function leadsToApiservers({ servers }: Pick<BackendConfig, 'servers'>): boolean {
  return servers.some(({ port, check }) => {
    if (port === APISERVER_PORT) return true;
    const path = check !== null && 'request' in check ? check.request.uri.split('?')[0] : undefined;
    return path !== undefined && APISERVER_PATHS.includes(path);
  });
}

/** The services of each frontend stand together, the one for clients of no name first. */
export function findServices({ frontends, backends }: BalancerConfig): Services {
  const find = (name: string) => backends.find((each) => each.name === name);
  const routed = frontends.map((frontend): RoutedFrontend => {
    const found = routeByNames(frontend, {
      leadsSomewhere: (name) => (find(name)?.servers.length ?? 0) > 0,
      leadsToApiservers: (name) => leadsToApiservers(find(name) ?? { servers: [] }),
    });
    return { ...found, frontend };
  });
  const all = routed.flatMap(({ frontend, rest, named }): OldService[] => {
    const targets = rest === null ? [] : [{ backend: rest, names: [] }, ...named];
    return targets.flatMap(({ backend, names }) => {
      const own = find(backend);
      return own === undefined ? [] : [{ frontend, backend: own, names }];
    });
  });
  const main =
    all.find(({ backend, names }) => names.length === 0 && leadsToApiservers(backend)) ?? null;
  return { main, others: all.filter((each) => each !== main), frontends: routed };
}

/** Those that may be nodes: the apiservers, else those of the first service. */
export function likelyNodes(services: Services): readonly ServerConfig[] {
  const all = allServices(services);
  const service = services.main ?? all.find(({ backend }) => leadsToApiservers(backend)) ?? all[0];
  return service?.backend.servers ?? [];
}

/** Keys of a server beside its address, as the old file has them. */
function serverKeys(draft: ImportDraft, server: ServerConfig): Block {
  const pairs: [string, Value][] = [];
  if (server.weight !== 1) pairs.push(['weight', server.weight]);
  if (server.connectionsMax > 0) pairs.push(['max-connections', server.connectionsMax]);
  const slowstart = server.slowstartMs ?? 0;
  if (draft.modern) draft.modernise('slowstart', `30s: ${SLOWSTART_WHY}`);
  else pairs.push(['slowstart', durationText(Math.min(slowstart, 3_600_000))]);
  if (server.sendProxy !== undefined) pairs.push(['send-proxy', `v${server.sendProxy}`]);
  if (server.backup) pairs.push(['backup', true]);
  if (server.disabled) pairs.push(['maintenance', true]);
  return block(pairs);
}

function serverName(
  draft: ImportDraft,
  backend: string,
  { name }: ServerConfig,
  lines: HaproxyLines,
): string {
  if (isName(name)) return name;
  const made = `server-${name.replaceAll(/[^A-Za-z0-9._-]/g, '-')}`
    .slice(0, 63)
    .replace(/[._-]+$/, '');
  const text = `Server "${name}" is called "${made}", as names are here`;
  draft.remark('changed', '', lines.server(backend, name), text);
  return made;
}

function serverBlock(draft: ImportDraft, { backend }: OldService, lines: HaproxyLines): Block {
  const servers = backend.servers.slice(0, SERVERS_MAX);
  return new Map(
    servers.map((server) => {
      const address = addressWithPort(server.host, server.port);
      const keys = serverKeys(draft, server);
      const value =
        keys.size === 0 ? address : new Map([...block([['address', address]]), ...keys]);
      const name = serverName(draft, backend.name, server, lines);
      return [name, { value, origin: '', flow: true }] as const;
    }),
  );
}

/** The servers are the nodes of the file, one each, under their names. */
function areNodes(machines: readonly Machine[], { backend }: OldService): boolean {
  return (
    machines.length === backend.servers.length &&
    backend.servers.every(({ name, host }) =>
      machines.some((machine) => machine.name === name && machine.addresses[0] === host),
    )
  );
}

/** Writes apiservers, as nodes or beside them. Returns what the nodes say about their servers. */
export function writeMain(
  draft: ImportDraft,
  service: OldService,
  machines: readonly Machine[],
  lines: HaproxyLines,
): ReadonlyMap<string, Block> {
  const { servers } = service.backend;
  const [port = APISERVER_PORT] = servers.map((server) => server.port);
  const check = checkOf(draft, ['check'], service, lines);
  if (check !== null) draft.set(['check'], check);
  if (!areNodes(machines, service)) {
    draft.set(['servers'], serverBlock(draft, service, lines));
    return new Map();
  }
  if (port !== APISERVER_PORT) draft.set(['apiserver-port'], port);
  return new Map(
    servers.map((server) => {
      const keys = serverKeys(draft, server);
      const own = server.port === port ? [] : block([['port', server.port]]);
      return [server.name, new Map([...own, ...keys])] as const;
    }),
  );
}

/** That of the frontend, or of the backend where others of the frontend's clients go elsewhere. */
function serviceName(
  draft: ImportDraft,
  { frontend, backend, names }: OldService,
  taken: readonly string[],
  lines: HaproxyLines,
): string {
  const isNamed = names.length > 0;
  const old = isNamed ? backend.name : frontend.name;
  const plain = old.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  let made = isName(plain) ? plain : `service-${taken.length + 1}`;
  if (taken.includes(made)) made = `${made.slice(0, 55)}-${taken.length + 1}`;
  if (made !== old) {
    const place = lines.frontend(frontend.name, ['bind']);
    const what = isNamed ? `"${old}" behind "${frontend.name}"` : `"${old}"`;
    draft.remark('changed', '', place, `${what} is the service "${made}"`);
  }
  return made;
}

/** The name of an earlier service whose servers, and checks, are these; null: none. */
function twinOf({ backend }: OldService, earlier: ReadonlyMap<string, OldService>): string | null {
  const followed = backend.servers.every(
    (server) => server.follows?.backend === backend.servers[0]?.follows?.backend,
  )
    ? backend.servers[0]?.follows?.backend
    : undefined;
  for (const [name, service] of earlier) {
    const names = service.backend.servers.map((server) => server.name);
    if (!backend.servers.every((server) => names.includes(server.name))) continue;
    if (service.backend.name === backend.name || service.backend.name === followed) return name;
  }
  return null;
}

function writeNames(
  draft: ImportDraft,
  path: readonly string[],
  { frontend, names }: OldService,
  lines: HaproxyLines,
): void {
  draft.set([...path, 'names'], names.slice(0, NAMES_MAX));
  if (names.length <= NAMES_MAX) return;
  const place = lines.frontend(frontend.name, ['use_backend']);
  const text = `${names.length - NAMES_MAX} names of "${path.at(-1)}": there are ${NAMES_MAX} at most, and clients of the others go to the service without names`;
  draft.remark('left-out', [...path, 'names'].join('.'), place, text);
}

/** Writes what is no apiserver under `services`. The name of each, in the order of the frontends. */
export function writeOthers(
  draft: ImportDraft,
  { main, others }: Services,
  context: { readonly lines: HaproxyLines; readonly file: string; readonly bareIsIpv4: boolean },
): void {
  const { lines } = context;
  const earlier = new Map<string, OldService>(main === null ? [] : [[PROXY_NAME, main]]);
  for (const service of others) {
    if (earlier.size > SERVICES_MAX - 1) {
      const place = lines.frontend(service.frontend.name, ['bind']);
      draft.remark('left-out', 'services', place, `There are ${SERVICES_MAX} services at most`);
      continue;
    }
    const taken = [PROXY_NAME, STATS_NAME, ...earlier.keys()];
    const name = serviceName(draft, service, taken, lines);
    const path = ['services', name];
    const key = path.join('.');
    draft.set([...path, 'listen'], listens(draft, service.frontend.binds, { ...context, key }));
    if (service.names.length > 0) writeNames(draft, path, service, lines);
    const ports = new Set(service.backend.servers.map(({ port }) => port));
    const [port] = ports;
    if (ports.size === 1 && port !== undefined) draft.set([...path, 'port'], port);
    draft.set([...path, 'servers'], serverBlock(draft, service, lines));
    const twin = twinOf(service, earlier);
    const check = twin ?? checkOf(draft, [...path, 'check'], service, lines);
    if (check !== null) draft.set([...path, 'check'], check);
    earlier.set(name, service);
  }
}

/** What every server of the file has, and HAProxy's servers have not. */
export function remarkServers(draft: ImportDraft, services: readonly OldService[]): void {
  const servers = services.flatMap(({ backend }) => backend.servers);
  if (servers.some(({ shutdownSessionsOnDown }) => !shutdownSessionsOnDown)) {
    const text =
      'Connections to a server that goes down are reset, so that clients come back at once ("on-marked-down shutdown-sessions")';
    draft.remark('changed', 'shutdown-sessions', null, text);
  }
  if (services.some(({ backend }) => !backend.panic)) {
    const text = 'With no server left all are tried, rather than none';
    draft.remark('changed', 'panic', null, text);
  }
  const sources = new Set(servers.map(({ transparent }) => transparent?.kind ?? 'node'));
  const isClient = sources.size === 1 && sources.has('client');
  if (isClient) draft.set(['source'], 'client');
  const others = servers.filter(
    (each) => each.source !== undefined || (each.transparent !== undefined && !isClient),
  );
  if (others.length === 0) return;
  const names = others.map(({ name }) => `"${name}"`).join(', ');
  draft.remark('left-out', 'source', null, `"source" of ${names}: the kernel chooses the address`);
}

export function allServices({ main, others }: Services): readonly OldService[] {
  return main === null ? others : [main, ...others];
}
