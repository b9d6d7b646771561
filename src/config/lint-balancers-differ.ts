/**
 * What the haproxy.cfg files of one cluster's nodes should have alike, and do not: after a failover clients find the
 * balancer of another node. What is each machine's own is no difference: which of its addresses it listens on, what only
 * itself reaches, threads, accounts, logs, the stats page.
 */

import { algorithmOf } from '../balance/algorithms.ts';
import type { Diagnostic, Severity } from './diagnostics.ts';
import { formatDuration, sameValue, valueText } from './diff-values.ts';
import type { HaproxyLines } from './import/haproxy-lines.ts';
import type { BalancerConfig } from './model/config.ts';
import type { BackendConfig, BindConfig, FrontendConfig, ServerConfig } from './model/traffic.ts';
import type { Place } from './place.ts';
import {
  BACKEND_ROWS,
  CHECK_ROWS,
  FRONTEND_ROWS,
  type Row,
  SERVER_ROWS,
} from './shared-settings.ts';

export type ComparedBalancer = {
  readonly file: string;
  readonly config: BalancerConfig;
  readonly lines: HaproxyLines;
};

type Kind = 'Frontend' | 'Backend' | 'Server';

type Difference = {
  readonly kind: Kind;
  /** Of what has it; of several with the same difference, one after the other. */
  readonly names: readonly string[];
  readonly place: Place;
  readonly theirs: Place;
  readonly label: string;
  readonly here: string | null;
  readonly there: string | null;
};

type Pair = { readonly here: ComparedBalancer; readonly other: ComparedBalancer };

function whole(file: string): Place {
  return { file, line: 0, column: 0 };
}

function at({ file, line }: Place): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** `place`: where one of these directives stands, or the thing itself begins. */
function compareRows<Item>(
  { kind, name }: { readonly kind: Kind; readonly name: string },
  rows: readonly Row<Item>[],
  [here, other]: readonly [Item, Item],
  placeOf: (side: keyof Pair, directives: readonly string[]) => Place,
): readonly Difference[] {
  return rows.flatMap(({ label, directives = [label], of, isDuration }) => {
    const [ours, theirs] = [of(here), of(other)];
    if (sameValue(ours ?? null, theirs ?? null)) return [];
    const show = (value: unknown) => valueText(value, isDuration ? formatDuration : undefined);
    return {
      kind,
      names: [name],
      place: placeOf('here', directives),
      theirs: placeOf('other', directives),
      label,
      here: show(ours),
      there: show(theirs),
    };
  });
}

/** Those of one line, or that are alike, are one. */
function joined(all: readonly Difference[]): readonly Difference[] {
  const kept: Difference[] = [];
  for (const each of all) {
    const twin = kept.findIndex(
      ({ kind, label, here, there, place, theirs }) =>
        kind === each.kind &&
        sameValue([label, here, there], [each.label, each.here, each.there]) &&
        (kind === 'Server' || sameValue([place, theirs], [each.place, each.theirs])),
    );
    const first = kept[twin];
    if (first === undefined) kept.push(each);
    else kept[twin] = { ...first, names: [...first.names, ...each.names] };
  }
  return kept;
}

function diagnose(place: Place, severity: Severity, text: string): Diagnostic {
  return { ...place, severity, text, code: 'nodes-differ' };
}

const FIX = 'give all nodes the same, or clients are served otherwise after a failover';

function told({ kind, names, place, theirs, label, here, there }: Difference): Diagnostic {
  const subject = `${kind}${names.length > 1 ? 's' : ''} ${quoted(names)}`;
  const verb = names.length > 1 ? 'have' : 'has';
  const what =
    here === null || there === null
      ? `${verb} another "${label}" here than in ${at(theirs)}`
      : `${verb} ${label} ${here} here, and ${there} in ${at(theirs)}`;
  return diagnose(place, 'warning', `${subject} ${what}; ${FIX}`);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/** A machine's own: nobody else can connect to it. */
function isOwn({ address }: BindConfig): boolean {
  return address.kind === 'unix' || isLoopback(address.host);
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost';
}

function portsOf({ binds }: FrontendConfig): readonly number[] {
  const ports = binds.flatMap(({ address }) => (address.kind === 'unix' ? [] : [address.port]));
  return [...new Set(ports)].toSorted((one, two) => one - two);
}

function frontendsOf({ config }: ComparedBalancer): readonly FrontendConfig[] {
  return config.frontends.filter(({ binds }) => !binds.every(isOwn));
}

function lacksFrontend(
  { name, binds }: FrontendConfig,
  { has, lacks }: { readonly has: ComparedBalancer; readonly lacks: ComparedBalancer },
  place: Place,
): Diagnostic {
  const ports = portsOf({ binds } as FrontendConfig).join(', ');
  const where = at(has.lines.frontend(name, ['bind']) ?? whole(has.file));
  const text =
    place.file === has.file
      ? `Frontend "${name}" (port ${ports}) is not in ${lacks.file}`
      : `Frontend "${name}" (port ${ports}) of ${where} is not here`;
  const why = 'nobody takes its clients while the node without it has the VIP; add it to all nodes';
  return diagnose(place, 'error', `${text}: ${why}`);
}

function compareFrontends({ here, other }: Pair): readonly Diagnostic[] {
  const [ours, theirs] = [frontendsOf(here), frontendsOf(other)];
  const found: Diagnostic[] = [];
  const differences: Difference[] = [];
  for (const frontend of ours) {
    const { name } = frontend;
    const bind = here.lines.frontend(name, ['bind']) ?? whole(here.file);
    const twin = theirs.find((each) => each.name === name);
    if (twin === undefined) {
      found.push(lacksFrontend(frontend, { has: here, lacks: other }, bind));
      continue;
    }
    const theirBind = other.lines.frontend(name, ['bind']) ?? whole(other.file);
    const [ports, theirPorts] = [portsOf(frontend), portsOf(twin)].map((list) => list.join(', '));
    if (ports !== theirPorts) {
      const text = `Frontend "${name}" listens on port ${ports} here, and on ${theirPorts} in ${at(theirBind)}: clients know one; give all nodes the same`;
      found.push(diagnose(bind, 'error', text));
    }
    const placeOf = (side: keyof Pair, directives: readonly string[]): Place =>
      side === 'here'
        ? (here.lines.frontend(name, directives) ?? bind)
        : (other.lines.frontend(name, directives) ?? theirBind);
    differences.push(
      ...compareRows({ kind: 'Frontend', name }, FRONTEND_ROWS, [frontend, twin], placeOf),
    );
  }
  for (const frontend of theirs) {
    if (ours.some(({ name }) => name === frontend.name)) continue;
    found.push(lacksFrontend(frontend, { has: other, lacks: here }, whole(here.file)));
  }
  return [...found, ...joined(differences).map(told)];
}

/** On the node where the server runs it may go by an address of the machine's own. */
function isSameAddress(one: ServerConfig, two: ServerConfig): boolean {
  if (one.port !== two.port) return false;
  return one.host === two.host || isLoopback(one.host) || isLoopback(two.host);
}

/** A hash of the client's address is a place in the list of servers. */
function otherOrder(
  pair: Pair,
  { name, balance, servers }: BackendConfig,
  theirs: readonly ServerConfig[],
): readonly Diagnostic[] {
  if (!algorithmOf(balance.kind).keepsServer) return [];
  const [here, there] = [servers, theirs].map((list) => list.map((server) => server.name));
  if (sameValue(here, there) || !sameValue(here?.toSorted(), there?.toSorted())) return [];
  const place = pair.here.lines.server(name, here?.[0] ?? '') ?? whole(pair.here.file);
  const text = `Servers of "${name}" stand in another order than in ${pair.other.file}: "balance ${balance.kind}" leads a client elsewhere after a failover; give all nodes the same`;
  return [diagnose(place, 'warning', text)];
}

function compareServers(
  pair: Pair,
  backend: string,
  [servers, theirServers]: readonly [readonly ServerConfig[], readonly ServerConfig[]],
): readonly Diagnostic[] {
  const placeIn = (side: keyof Pair, server: string): Place =>
    pair[side].lines.server(backend, server) ?? whole(pair[side].file);
  const found: Diagnostic[] = [];
  const differences: Difference[] = [];
  for (const server of servers) {
    const { name, host, port } = server;
    const place = placeIn('here', name);
    const twin = theirServers.find((each) => each.name === name);
    if (twin === undefined) {
      const text = `Server "${name}" of backend "${backend}" is not in ${pair.other.file}; ${FIX}`;
      found.push(diagnose(place, 'warning', text));
      continue;
    }
    const other = placeIn('other', name);
    if (!isSameAddress(server, twin)) {
      const text = `Server "${name}" is ${host}:${port} here, and ${twin.host}:${twin.port} in ${at(other)}; ${FIX}`;
      found.push(diagnose(place, 'warning', text));
    }
    const placeOf = (side: keyof Pair): Place => (side === 'here' ? place : other);
    const thing = { kind: 'Server', name } as const;
    differences.push(...compareRows(thing, SERVER_ROWS, [server, twin], placeOf));
    const [ours, theirs] = [server.check, twin.check];
    if (ours === null || theirs === null || !sameValue(ours.kind, theirs.kind)) continue;
    differences.push(...compareRows(thing, CHECK_ROWS, [ours, theirs], placeOf));
  }
  for (const { name } of theirServers) {
    if (servers.some((server) => server.name === name)) continue;
    const place = pair.here.lines.server(backend, servers[0]?.name ?? '') ?? whole(pair.here.file);
    const text = `Backend "${backend}" has no server "${name}" here, which ${at(placeIn('other', name))} has; ${FIX}`;
    found.push(diagnose(place, 'warning', text));
  }
  return [...found, ...joined(differences).map(told)];
}

/** Backends of both; that one is only in one of the files shows at the frontends. */
function compareBackends(pair: Pair): readonly Diagnostic[] {
  const { here, other } = pair;
  const differences: Difference[] = [];
  const servers: Diagnostic[] = [];
  for (const backend of here.config.backends) {
    const { name } = backend;
    const twin = other.config.backends.find((each) => each.name === name);
    if (twin === undefined) continue;
    const placeOf = (side: keyof Pair, directives: readonly string[]): Place => {
      const [first] = (side === 'here' ? backend : twin).servers;
      const { lines, file } = pair[side];
      return (
        lines.backend(name, directives) ?? lines.server(name, first?.name ?? '') ?? whole(file)
      );
    };
    differences.push(
      ...compareRows({ kind: 'Backend', name }, BACKEND_ROWS, [backend, twin], placeOf),
    );
    servers.push(...otherOrder(pair, backend, twin.servers));
    servers.push(...compareServers(pair, name, [backend.servers, twin.servers]));
  }
  return [...joined(differences).map(told), ...servers];
}

/** `balancers`: of one file each, in the order given. Each is held against the first. */
export function lintBalancersDiffer(balancers: readonly ComparedBalancer[]): readonly Diagnostic[] {
  const [other, ...others] = balancers;
  if (other === undefined) return [];
  return others.flatMap((here) => [
    ...compareFrontends({ here, other }),
    ...compareBackends({ here, other }),
  ]);
}
