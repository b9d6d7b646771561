/** TCP frontends and their servers as the apiservers' service and those of `services`. */

import { addressWithPort } from '../../core/ip-address.ts';
import {
  LISTENS_MAX,
  PROXY_NAME,
  SERVERS_MAX,
  SERVICES_MAX,
  STATS_NAME,
} from '../evergate-yaml/defaults.ts';
import { isName } from '../evergate-yaml/schema.ts';
import type { BalancerConfig } from '../model/config.ts';
import type { BindConfig, ServerConfig } from '../model/traffic.ts';
import { checkOf } from './checks.ts';
import type { Machine } from './cluster.ts';
import {
  type Block,
  block,
  durationText,
  type ImportDraft,
  type Scalar,
  type Value,
} from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import type { OldService } from './settings.ts';

const ANY = ['0.0.0.0', '::'];
const APISERVER_PORT = 6443;
const APISERVER_PATHS = ['/readyz', '/livez', '/healthz'];
const SLOWSTART_WHY = 'an apiserver says that it is ready before its caches are warm';

export type Services = {
  /** null: no frontend leads to apiservers. */
  readonly main: OldService | null;
  readonly others: readonly OldService[];
};

function leadsToApiservers({ backend }: OldService): boolean {
  return backend.servers.some(({ port, check }) => {
    if (port === APISERVER_PORT) return true;
    const path = check !== null && 'request' in check ? check.request.uri.split('?')[0] : undefined;
    return path !== undefined && APISERVER_PATHS.includes(path);
  });
}

export function findServices({ frontends, backends }: BalancerConfig): Services {
  const all = frontends.flatMap((frontend): OldService[] => {
    const backend = backends.find(({ name }) => name === frontend.backend);
    return backend === undefined ? [] : [{ frontend, backend }];
  });
  const main = all.find(leadsToApiservers) ?? null;
  return { main, others: all.filter((each) => each !== main) };
}

/** In the form of `listen`; null: a listener that has none. */
function listenOf({ address }: BindConfig, bareIsIpv4: boolean): Scalar | null {
  if (address.kind === 'unix') return address.path.startsWith('/') ? address.path : null;
  const { host, port } = address;
  if (address.kind === 'ipv4') {
    return host === '0.0.0.0' && bareIsIpv4 ? port : addressWithPort(host, port);
  }
  return addressWithPort(host, port);
}

/** Whether a listener of every address takes its clients, as well. */
function isCovered({ address }: BindConfig, binds: readonly BindConfig[]): boolean {
  if (address.kind === 'unix' || ANY.includes(address.host)) return false;
  return binds.some(
    ({ address: other }) =>
      other.kind === address.kind && ANY.includes(other.host) && other.port === address.port,
  );
}

/** `bareIsIpv4`: the file has no address of IPv6, so that a bare port is one of IPv4. */
export function listens(
  draft: ImportDraft,
  binds: readonly BindConfig[],
  {
    key,
    file,
    bareIsIpv4,
  }: { readonly key: string; readonly file: string; readonly bareIsIpv4: boolean },
): Value {
  const written: Scalar[] = [];
  for (const bind of binds) {
    const line = Number(bind.origin.slice(bind.origin.lastIndexOf(':') + 1));
    const place = { file, line, column: 0 };
    if (isCovered(bind, binds)) {
      const said = 'A listener of one address: one of every address has the same port';
      draft.remark('changed', key, place, said);
      continue;
    }
    const { address } = bind;
    if (address.kind === 'ipv6' && address.host === '::' && address.v6only) {
      const said = `"[::]:${address.port}" takes clients of IPv4, too`;
      draft.remark('changed', key, place, said);
    }
    const text = listenOf(bind, bareIsIpv4);
    if (text === null || written.length >= LISTENS_MAX) {
      const why =
        text === null ? 'a socket has the path of a file' : `there are ${LISTENS_MAX} at most`;
      draft.remark('left-out', key, place, `A listener: ${why}`);
    } else written.push(text);
  }
  const [only] = written;
  return written.length === 1 && only !== undefined ? only : written;
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

function serviceName(
  draft: ImportDraft,
  { frontend }: OldService,
  taken: readonly string[],
  lines: HaproxyLines,
): string {
  const plain = frontend.name.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  let made = isName(plain) ? plain : `service-${taken.length + 1}`;
  if (taken.includes(made)) made = `${made.slice(0, 55)}-${taken.length + 1}`;
  if (made !== frontend.name) {
    const place = lines.frontend(frontend.name, ['bind']);
    draft.remark('changed', '', place, `"${frontend.name}" is the service "${made}"`);
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
