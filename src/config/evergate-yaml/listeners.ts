/**
 * Where the file listens, and what may not listen there: two of our own, or the apiserver itself. A port that an
 * apiserver has on the same machine is redirected from the VIP to one of ours.
 */

import { ipv6Key } from '../haproxy/address.ts';
import type { Place } from '../haproxy/report.ts';
import type { RedirectConfig } from '../model/addresses.ts';
import type { SocketFileConfig } from '../model/process.ts';
import type { BindConfig } from '../model/traffic.ts';
import { PROXY_NAME } from './defaults.ts';
import type { Draft } from './draft.ts';
import { familyOf } from './networks.ts';
import type { Path } from './tree.ts';
import type { Listen } from './values.ts';

export type Target = { readonly name: string; readonly host: string; readonly port: number };

/** What listens, and the servers it leads to. */
export type Service = {
  readonly name: string;
  readonly listen: readonly Listen[];
  /** Where its `listen` stands. */
  readonly path: Path;
  readonly servers: readonly Target[];
};

/** As open as a port of this machine is; who may come near it is up to its directory. */
const SOCKET_FILE: SocketFileConfig = { mode: 0o666, user: null, group: null };

/**
 * From a redirected port to one of ours where the file names none: 6443 becomes 8443. Well below what the kernel
 * (from 32768) and Kubernetes (NodePorts, from 30000) give out.
 */
const OWN_PORT_OFFSET = 2000;
const PORT_MAX = 65_535;

type Address = BindConfig['address'];
type TcpAddress = Exclude<Address, { kind: 'unix' }>;

function isWildcard(address: Address): boolean {
  return address.kind !== 'unix' && (address.host === '0.0.0.0' || address.host === '::');
}

function show(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return address.kind === 'ipv6'
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

function hostKey(address: TcpAddress): string {
  return address.kind === 'ipv6' ? ipv6Key(address.host) : address.host;
}

/** Whether a socket on `one` takes what `other` is for; "::" takes IPv4 too. */
function covers(one: Address, other: Address): boolean {
  if (one.kind === 'unix' || !isWildcard(one)) return false;
  return one.kind === other.kind || (one.kind === 'ipv6' && !one.v6only);
}

/** Whether the kernel would refuse the second of two. */
function collide(one: Address, other: Address): boolean {
  if (one.kind === 'unix' || other.kind === 'unix') {
    return one.kind === 'unix' && other.kind === 'unix' && one.path === other.path;
  }
  if (one.port !== other.port) return false;
  return covers(one, other) || covers(other, one) || hostKey(one) === hostKey(other);
}

type Placed = {
  readonly address: Address;
  readonly place: Place;
  /** The port of the file that this one stands in for; null: it stands in the file itself. */
  readonly standsFor: number | null;
};

/** A bare port is one of IPv4; where the file has IPv6 addresses, of both, on one socket. */
function resolve({ file }: Draft, address: Listen): Address {
  if (address.kind !== 'any') return address;
  const own = [
    ...(file.vip ?? []).map((each) => each.address),
    ...Object.values(file.nodes).flatMap((node) => node.address),
  ];
  const { port } = address;
  return own.some((each) => familyOf(each) === 'ipv6')
    ? { kind: 'ipv6', host: '::', port, v6only: false }
    : { kind: 'ipv4', host: '0.0.0.0', port };
}

function placed(draft: Draft, addresses: readonly Listen[], path: Path): Placed[] {
  return addresses.map((each, index) => {
    const place = draft.itemPlace(path, index);
    return { address: resolve(draft, each), place, standsFor: null };
  });
}

/** Two listeners of the file on one address and port. */
function refuseCollisions(draft: Draft, all: readonly Placed[]): void {
  for (const [index, { address, place, standsFor }] of all.entries()) {
    const earlier = all.slice(0, index).find((each) => collide(each.address, address));
    if (earlier === undefined) continue;
    const fix =
      standsFor === null
        ? 'choose another port'
        : `port ${standsFor} of the VIP leads there: name a free port beside ${standsFor} for that`;
    const text = `"${show(address)}" and "${show(earlier.address)}" of line ${earlier.place.line} cannot both listen; ${fix}`;
    draft.report.error(place, 'address-conflict', text);
  }
}

/** The node of each address and name in `nodes`. */
function nodesByAddress({ file }: Draft): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(file.nodes).flatMap(([name, { address, hosts }]) =>
      [...address, ...hosts].map((each) => [each, name] as const),
    ),
  );
}

/** A server on a node that listens on the same port there: it could not start, or we could not. */
function serverThere(
  address: TcpAddress,
  servers: readonly Target[],
  nodes: ReadonlyMap<string, string>,
): Target | undefined {
  return servers.find(({ host, port }) => {
    const node = nodes.get(host);
    if (port !== address.port || node === undefined) return false;
    // It may be given by a name.
    return isWildcard(address) || nodes.get(address.host) === node;
  });
}

function refuseTaken(
  draft: Draft,
  { address, place }: Placed,
  whose: { readonly node: string; readonly service: string },
  canRedirect: boolean,
): void {
  const { port } = address as TcpAddress;
  const { node, service } = whose;
  const [what, who] =
    service === PROXY_NAME
      ? ['the apiserver', 'an apiserver of kubeadm listens']
      : [`service "${service}"`, 'such a server mostly listens'];
  const redirect = canRedirect
    ? ' install nftables (the program "nft"), by which a port of the VIP is redirected to one of ours, or'
    : '';
  const text =
    `Port ${port} is that of ${what} on node "${node}" too, and ${who} on every ` +
    `address: the two cannot share it;${redirect} listen on another port, such as ${port + OWN_PORT_OFFSET}`;
  draft.report.error(place, 'address-conflict', text);
}

/** Connections that would come back to us, and addresses that apiservers may have taken. */
function refuseLoops(
  draft: Draft,
  { address, place }: Placed,
  servers: readonly Target[],
  nodes: ReadonlyMap<string, string>,
): void {
  if (address.kind === 'unix') return;
  const vips = new Set((draft.file.vip ?? []).map((vip) => vip.address));
  const { host, port } = address;
  const onNode = servers.some((each) => each.port === port && nodes.has(each.host));
  if (onNode && vips.has(host)) {
    const text =
      `"${show(address)}" needs apiservers that leave the VIP alone: one of kubeadm listens on port ${port} ` +
      `of every address; write the bare port, "listen: ${port}", or give it --bind-address`;
    draft.report.warning(place, 'address-conflict', text);
  }
  const looped = servers.find((each) => each.port === port && vips.has(each.host));
  if (looped === undefined) return;
  const text = `Server "${looped.name}" is the VIP itself: connections would run in a circle; name the apiserver's own address`;
  draft.report.error(draft.place(['servers', looped.name]), 'address-conflict', text);
}

/** The VIPs whose clients such a listener would take. */
function vipsFor({ file }: Draft, address: Address): readonly string[] {
  const vips = (file.vip ?? []).map((vip) => vip.address);
  return vips.filter((vip) => {
    const host = familyOf(vip) === 'ipv6' ? '::' : '0.0.0.0';
    return covers(address, { kind: familyOf(vip), host, port: 1, v6only: true } as Address);
  });
}

export type PlannedListeners = {
  /** By the service's name. */
  readonly binds: ReadonlyMap<string, readonly BindConfig[]>;
  readonly redirects: readonly RedirectConfig[];
};

/**
 * Where each of the services in `listening` does so. `here`: this machine is known to be a node of the file. Of ports that an apiserver has,
 * those of the VIP are redirected: to the first other port of the service on every address, or else to one beside it.
 */
export function planListeners(
  draft: Draft,
  services: readonly Service[],
  listening: readonly Service[],
  here: boolean,
): PlannedListeners {
  const nodes = nodesByAddress(draft);
  const servers = services.flatMap((service) => service.servers);
  const redirects: RedirectConfig[] = [];
  const plans = listening.map((service) => {
    const own: Placed[] = [];
    const taken: Placed[] = [];
    for (const each of placed(draft, service.listen, service.path)) {
      const { address } = each;
      const server = address.kind === 'unix' ? undefined : serverThere(address, servers, nodes);
      refuseLoops(draft, each, servers, nodes);
      if (server === undefined) {
        own.push(each);
        continue;
      }
      const canRedirect = vipsFor(draft, address).length > 0;
      if (canRedirect && (draft.context.canRedirect || !here)) taken.push(each);
      else {
        const owner = services.find((one) => one.servers.includes(server)) ?? service;
        const whose = { node: nodes.get(server.host) ?? '', service: owner.name };
        refuseTaken(draft, each, whose, canRedirect);
      }
    }
    if (taken.length === 0) warnOfPorts(draft, service, own);
    for (const each of taken) redirects.push(...redirect(draft, each, own));
    return { name: service.name, own };
  });
  refuseCollisions(draft, [
    ...plans.flatMap(({ own }) => own),
    ...placed(draft, draft.file.stats?.listen ?? [], ['stats', 'listen']),
  ]);
  for (const each of plans.flatMap(({ own }) => own)) {
    if (each.standsFor === null || each.address.kind === 'unix') continue;
    const server = serverThere(each.address, servers, nodes);
    if (server === undefined) continue;
    const text =
      `Port ${each.standsFor} of the VIP would lead to port ${each.address.port}, which server "${server.name}" has; ` +
      `name a free port beside ${each.standsFor} for that`;
    draft.report.error(each.place, 'address-conflict', text);
  }
  const binds = plans.map(({ name, own }) => [name, toBindsOf(draft, own)] as const);
  return { binds: new Map(binds), redirects };
}

/** Who lists the ports of several services gets one service on several ports. */
function warnOfPorts({ report }: Draft, service: Service, own: readonly Placed[]): void {
  const ports = own.map(({ address }) => (address.kind === 'unix' ? null : address.port));
  const other = ports.findIndex((port) => port !== null && port !== ports[0]);
  const place = own[other]?.place;
  if (place === undefined || ports[0] === null) return;
  const to = [...new Set(service.servers.map(({ port }) => port))].join(', ');
  const text =
    `Ports ${ports[0]} and ${ports[other]} both lead to port ${to} of the servers; what else the servers offer is ` +
    'a block of its own in "services"';
  report.warning(place, 'one-service', text);
}

/** Adds the listener to `own` where there is none that serves. */
function redirect(draft: Draft, { address, place }: Placed, own: Placed[]): RedirectConfig[] {
  if (address.kind === 'unix') return [];
  const { port } = address;
  const vips = vipsFor(draft, address);
  const free = own.find((each) => vipsFor(draft, each.address).length === vips.length)?.address;
  const toPort = free === undefined || free.kind === 'unix' ? port + OWN_PORT_OFFSET : free.port;
  if (toPort > PORT_MAX) {
    const text = `Port ${port} of the VIP needs a port of ours to lead to; name a free one beside it`;
    draft.report.error(place, 'address-conflict', text);
    return [];
  }
  if (free === undefined)
    own.push({ address: { ...address, port: toPort }, place, standsFor: port });
  return vips.map((vip) => ({ address: vip, port, toPort }));
}

function toBindsOf(draft: Draft, all: readonly Placed[]): readonly BindConfig[] {
  return all.map(({ address, place }) => ({
    address,
    ...(address.kind === 'unix' ? { file: SOCKET_FILE } : {}),
    origin: draft.origin(place),
  }));
}

/** Of what is not redirected. */
export function toBinds(
  draft: Draft,
  addresses: readonly Listen[],
  path: Path,
): readonly BindConfig[] {
  return toBindsOf(draft, placed(draft, addresses, path));
}
