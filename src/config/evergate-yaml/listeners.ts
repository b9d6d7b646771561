/** Where the file listens, and what may not listen there: two of our own, or the apiserver itself. */

import { ipv6Key } from '../haproxy/address.ts';
import type { Place } from '../haproxy/report.ts';
import type { SocketFileConfig } from '../model/process.ts';
import type { BindConfig } from '../model/traffic.ts';
import type { Draft } from './draft.ts';
import { familyOf } from './networks.ts';
import type { Listen } from './values.ts';

export type Target = { readonly name: string; readonly host: string; readonly port: number };

/** As open as a port of this machine is; who may come near it is up to its directory. */
const SOCKET_FILE: SocketFileConfig = { mode: 0o666, user: null, group: null };

type Address = BindConfig['address'];

function isWildcard(address: Address): boolean {
  return address.kind !== 'unix' && (address.host === '0.0.0.0' || address.host === '::');
}

function show(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return address.kind === 'ipv6'
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

function hostKey(address: Exclude<Address, { kind: 'unix' }>): string {
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

type Placed = { readonly address: Address; readonly place: Place };

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

function placed(draft: Draft, addresses: readonly Listen[], path: readonly string[]): Placed[] {
  return addresses.map((each, index) => {
    return { address: resolve(draft, each), place: draft.itemPlace(path, index) };
  });
}

/** Two listeners of the file on one address and port. */
export function refuseCollisions(draft: Draft): void {
  const all = [
    ...placed(draft, draft.file.listen ?? [], ['listen']),
    ...placed(draft, draft.file.stats?.listen ?? [], ['stats', 'listen']),
  ];
  for (const [index, { address, place }] of all.entries()) {
    const earlier = all.slice(0, index).find((each) => collide(each.address, address));
    if (earlier === undefined) continue;
    const text =
      `"${show(address)}" and "${show(earlier.address)}" of line ${earlier.place.line} cannot both listen; ` +
      'choose another port';
    draft.report.error(place, 'address-conflict', text);
  }
}

/**
 * A server on a node that listens on the same port there: connections would come back to us, or the
 * apiserver could not start.
 */
export function refuseLoops(draft: Draft, servers: readonly Target[]): void {
  const { file, report } = draft;
  const nodes = new Map(
    Object.entries(file.nodes).flatMap(([name, { address }]) =>
      address.map((each): [string, string] => [each, name]),
    ),
  );
  const vips = new Set((file.vip ?? []).map(({ address }) => address));
  for (const { address, place } of placed(draft, file.listen ?? [], ['listen'])) {
    if (address.kind === 'unix') continue;
    const { host, port } = address;
    const server = servers.find((each) => each.port === port && nodes.has(each.host));
    if (server !== undefined && (isWildcard(address) || host === server.host)) {
      const text =
        `Port ${port} is that of the apiserver on node "${nodes.get(server.host)}" too, and an apiserver of ` +
        'kubeadm listens on every address: the two cannot share it; listen on another port, such as 8443';
      report.error(place, 'address-conflict', text);
    } else if (server !== undefined && vips.has(host)) {
      const text =
        `"${show(address)}" needs apiservers that leave the VIP alone: one of kubeadm listens on port ${port} ` +
        'of every address; give it --bind-address, or listen on another port, such as 8443';
      report.warning(place, 'address-conflict', text);
    }
    const looped = servers.find((each) => each.port === port && vips.has(each.host));
    if (looped !== undefined) {
      const text = `Server "${looped.name}" is the VIP itself: connections would run in a circle; name the apiserver's own address`;
      report.error(draft.place(['servers', looped.name]), 'address-conflict', text);
    }
  }
}

export function toBinds(
  draft: Draft,
  addresses: readonly Listen[],
  path: readonly string[],
): readonly BindConfig[] {
  return placed(draft, addresses, path).map(({ address, place }) => ({
    address,
    ...(address.kind === 'unix' ? { file: SOCKET_FILE } : {}),
    origin: draft.origin(place),
  }));
}
