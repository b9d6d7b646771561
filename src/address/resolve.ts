/**
 * From configured addresses to what this machine has for them: interfaces by index, addresses as numbers.
 * Done once before anything is opened, so that mistakes end the start early.
 */

import type {
  AddressesConfig,
  VirtualAddressConfig,
  VirtualRouteConfig,
} from '../config/model/addresses.ts';
import { assert } from '../core/assert.ts';
import { OperationalError } from '../core/errors.ts';
import {
  formatIpAddress,
  type IpAddress,
  ipBytes,
  isIpv6Address,
  numericAddress,
} from '../core/ip-address.ts';
import type { InterfaceAddress, Link, RouteSocket, RouteSpec } from '../linux/netlink-route.ts';
import { deleteAddressAlone } from './deletion.ts';

export type VirtualAddress = {
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly interfaceName: string;
  readonly label: string | null;
  readonly scope: number;
  readonly broadcast: IpAddress | null;
};

export type VirtualRoute = Omit<RouteSpec, 'interfaceIndex'> & {
  /** null: the kernel finds it by the gateway. */
  readonly interfaceName: string | null;
};

export type ResolvedAddresses = {
  readonly config: AddressesConfig;
  /** The advertised ones. */
  readonly addresses: readonly VirtualAddress[];
  /** Those and the excluded ones. */
  readonly held: readonly VirtualAddress[];
  readonly routes: readonly VirtualRoute[];
  /** The instance's own interface first; without the one with a virtual MAC address, which is ours. */
  readonly interfaceNames: readonly string[];
};

/** `owner`: what they are called in messages. Throws OperationalError: missing-interface. */
export function resolveAddresses(
  config: AddressesConfig,
  owner: string,
  links: readonly Link[],
): ResolvedAddresses {
  const addresses = config.addresses.map((virtual) => resolveAddress(config, virtual));
  const excluded = config.excludedAddresses.map((virtual) => resolveAddress(config, virtual));
  const held = [...addresses, ...excluded];
  const routes = config.routes.map(resolveRoute);
  const interfaceNames = [
    ...new Set([
      config.interface,
      ...held
        .map(({ interfaceName }) => interfaceName)
        .filter((name) => name !== config.virtualMac?.name),
      ...routes.flatMap(({ interfaceName }) => interfaceName ?? []),
    ]),
  ];
  for (const name of interfaceNames) refuseMissing(owner, name, links);
  return { config, addresses, held, routes, interfaceNames };
}

function resolveAddress(config: AddressesConfig, virtual: VirtualAddressConfig): VirtualAddress {
  const { interface: named, ...rest } = virtual;
  const address = numericAddress(virtual.address);
  const broadcast = virtual.broadcast === null ? null : numericAddress(virtual.broadcast);
  assertPrefix(address, virtual.prefixLength);
  assert(broadcast === null || !isIpv6Address(broadcast), 'IPv6 knows no broadcast');
  return {
    ...rest,
    address,
    broadcast,
    interfaceName: named ?? config.virtualMac?.name ?? config.interface,
  };
}

function resolveRoute(route: VirtualRouteConfig): VirtualRoute {
  const { interface: interfaceName, ...rest } = route;
  const destination = numericAddress(route.destination);
  const gateway = route.gateway === null ? null : numericAddress(route.gateway);
  const source = route.source === null ? null : numericAddress(route.source);
  assertPrefix(destination, route.prefixLength);
  assert(gateway === null || isSameFamily(gateway, destination), 'a route is of one family');
  assert(source === null || isSameFamily(source, destination), 'a route is of one family');
  return { ...rest, destination, gateway, source, interfaceName };
}

function assertPrefix(address: IpAddress, prefixLength: number): void {
  const isLength = Number.isInteger(prefixLength) && prefixLength >= 0;
  assert(isLength && prefixLength <= ipBytes(address) * 8, 'a prefix is a part of its address');
}

function isSameFamily(one: IpAddress, other: IpAddress): boolean {
  return isIpv6Address(one) === isIpv6Address(other);
}

function refuseMissing(owner: string, name: string, links: readonly Link[]): void {
  if (links.some((candidate) => candidate.name === name)) return;
  const existing = links.map((candidate) => `"${candidate.name}"`).join(', ');
  throw new OperationalError(
    'missing-interface',
    `${owner} needs interface "${name}", which does not exist; this machine has ${existing}`,
  );
}

/**
 * Throws OperationalError 'address-taken' when a virtual address stands here without a lifetime: somebody
 * else on this machine put it there, most likely a keepalived that still runs, and would put it back.
 */
export function refuseForeignAddresses(
  instances: readonly ResolvedAddresses[],
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): void {
  for (const { address } of instances.flatMap((instance) => instance.held)) {
    const foreign = present.find((other) => other.permanent && other.address === address);
    if (foreign === undefined) continue;
    const text = formatIpAddress(address);
    const name = links.find(({ index }) => index === foreign.interfaceIndex)?.name ?? '?';
    throw new OperationalError(
      'address-taken',
      `The virtual address ${text} is on "${name}" already, without a lifetime, so another program or ` +
        'person put it there: stop keepalived if it runs here, or remove the address with ' +
        `"ip address del ${text}/${foreign.prefixLength} dev ${name}"`,
    );
  }
}

/**
 * Removes virtual addresses and routes that an earlier run left here; returns them as text. Asks for each
 * address, present or not, so that a missing CAP_NET_ADMIN shows now (SystemError EPERM) and not when the
 * address is needed.
 */
export function removeStaleAddresses(
  route: RouteSocket,
  instances: readonly ResolvedAddresses[],
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): readonly string[] {
  const removed: string[] = [];
  const indexOf = (name: string): number => {
    const index = links.find((link) => link.name === name)?.index;
    assert(index !== undefined, 'interfaces of resolved instances exist');
    return index;
  };
  for (const { interfaceName, ...spec } of instances.flatMap((instance) => instance.routes)) {
    const interfaceIndex = interfaceName === null ? null : indexOf(interfaceName);
    if (!route.deleteRoute({ ...spec, interfaceIndex })) continue;
    removed.push(`the route to ${formatIpAddress(spec.destination)}/${spec.prefixLength}`);
  }
  const onLasting = instances.flatMap(({ held, config }) =>
    // An interface with a virtual MAC address goes with its addresses.
    held.filter(({ interfaceName }) => interfaceName !== config.virtualMac?.name),
  );
  for (const virtual of onLasting) {
    const interfaceIndex = indexOf(virtual.interfaceName);
    const stale = present.filter(
      (other) => other.address === virtual.address && other.interfaceIndex === interfaceIndex,
    );
    const { address, interfaceName } = virtual;
    for (const { prefixLength } of [virtual, ...stale]) {
      const spec = { ...virtual, interfaceIndex, prefixLength };
      if (!deleteAddressAlone(route, spec, interfaceName)) continue;
      removed.push(`${formatIpAddress(address)}/${prefixLength} on "${interfaceName}"`);
    }
  }
  return removed;
}

/**
 * The virtual addresses of the instance that are on this machine now, with a lifetime, as ours have one, and with the
 * prefix length that they have there.
 */
export function presentAddresses(
  { held }: ResolvedAddresses,
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): readonly VirtualAddress[] {
  return held.flatMap((virtual) => {
    const link = links.find(({ name }) => name === virtual.interfaceName);
    const found = present.find(
      ({ address, interfaceIndex, permanent }) =>
        address === virtual.address && interfaceIndex === link?.index && !permanent,
    );
    return found === undefined ? [] : { ...virtual, prefixLength: found.prefixLength };
  });
}
