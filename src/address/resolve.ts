/**
 * From a configured instance to what this machine has for it: interfaces by index, addresses as numbers,
 * the source of our packets. Done once before anything is opened, so that mistakes end the start early.
 */

import type { VirtualAddressConfig, VirtualRouteConfig } from '../config/model/addresses.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../config/model/vrrp.ts';
import { assert } from '../core/assert.ts';
import { OperationalError } from '../core/errors.ts';
import {
  formatIpAddress,
  type IpAddress,
  isIpv6Address,
  parseIpAddress,
} from '../core/ip-address.ts';
import { EPERM, SystemError } from '../linux/errno.ts';
import {
  type InterfaceAddress,
  type Link,
  type RouteSocket,
  type RouteSpec,
  SCOPE_LINK,
} from '../linux/netlink-route.ts';

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

export type ResolvedInstance = {
  readonly config: VrrpInstanceConfig;
  /** Its family is that of the instance. */
  readonly sourceAddress: IpAddress;
  /** The advertised ones. */
  readonly addresses: readonly VirtualAddress[];
  /** Those and the excluded ones. */
  readonly held: readonly VirtualAddress[];
  readonly routes: readonly VirtualRoute[];
  /** The instance's own interface first; without the one with a virtual MAC address, which is ours. */
  readonly interfaceNames: readonly string[];
};

/** Throws OperationalError: missing-interface, no-source-address. */
export function resolveInstances(
  config: VrrpConfig,
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): readonly ResolvedInstance[] {
  return config.instances.map((instance) => resolveInstance(instance, links, addresses));
}

function resolveInstance(
  config: VrrpInstanceConfig,
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): ResolvedInstance {
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
  const known = interfaceNames.map((name) => findLink(config.name, name, links));
  const virtual = new Set(held.map(({ address }) => address));
  const ipv6 = addresses.some(({ address }) => isIpv6Address(address));
  const sourceAddress =
    config.sourceAddress === null
      ? firstAddress(config, { ipv6, interfaceIndex: known[0]?.index ?? 0 }, present, virtual)
      : numericAddress(config.sourceAddress);
  return { config, sourceAddress, addresses, held, routes, interfaceNames };
}

function resolveAddress(config: VrrpInstanceConfig, virtual: VirtualAddressConfig): VirtualAddress {
  const { address, broadcast, interface: named, ...rest } = virtual;
  return {
    ...rest,
    address: numericAddress(address),
    broadcast: broadcast === null ? null : numericAddress(broadcast),
    interfaceName: named ?? config.virtualMac?.name ?? config.interface,
  };
}

function resolveRoute(route: VirtualRouteConfig): VirtualRoute {
  const { destination, gateway, source, interface: interfaceName, ...rest } = route;
  return {
    ...rest,
    destination: numericAddress(destination),
    gateway: gateway === null ? null : numericAddress(gateway),
    source: source === null ? null : numericAddress(source),
    interfaceName,
  };
}

function findLink(instance: string, name: string, links: readonly Link[]): Link {
  const link = links.find((candidate) => candidate.name === name);
  if (link !== undefined) return link;
  const existing = links.map((candidate) => `"${candidate.name}"`).join(', ');
  throw new OperationalError(
    'missing-interface',
    `VRRP instance "${instance}" needs interface "${name}", which does not exist; ` +
      `this machine has ${existing}`,
  );
}

/**
 * The interface's first address that is not virtual; one that another comes with is not first. IPv6: the
 * link-local one (RFC 9568 section 5.1.2.1).
 */
function firstAddress(
  config: VrrpInstanceConfig,
  family: { readonly ipv6: boolean; readonly interfaceIndex: number },
  present: readonly InterfaceAddress[],
  virtual: ReadonlySet<IpAddress>,
): IpAddress {
  const candidates = present.filter(
    ({ address, interfaceIndex, scope }) =>
      interfaceIndex === family.interfaceIndex &&
      !virtual.has(address) &&
      isIpv6Address(address) === family.ipv6 &&
      (!family.ipv6 || scope === SCOPE_LINK),
  );
  const chosen = candidates.find(({ secondary }) => !secondary) ?? candidates[0];
  if (chosen !== undefined) return chosen.address;
  const needed = family.ipv6 ? 'a link-local IPv6 address' : 'an IPv4 address';
  throw new OperationalError(
    'no-source-address',
    `VRRP instance "${config.name}" has no address to send from: give interface ` +
      `"${config.interface}" ${needed} beside the virtual one`,
  );
}

/**
 * Throws OperationalError 'address-taken' when a virtual address stands here without a lifetime: somebody
 * else on this machine put it there, most likely a keepalived that still runs, and would put it back.
 */
export function refuseForeignAddresses(
  instances: readonly ResolvedInstance[],
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
  instances: readonly ResolvedInstance[],
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
    for (const { prefixLength } of [virtual, ...stale]) {
      const { address, interfaceName } = virtual;
      if (!route.deleteAddress({ ...virtual, interfaceIndex, prefixLength })) continue;
      removed.push(`${formatIpAddress(address)}/${prefixLength} on "${interfaceName}"`);
    }
  }
  return removed;
}

/** The virtual addresses of the instance that are on this machine now, with a lifetime, as ours have one. */
export function presentAddresses(
  { held }: ResolvedInstance,
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): readonly VirtualAddress[] {
  return held.filter((virtual) => {
    const link = links.find(({ name }) => name === virtual.interfaceName);
    return present.some(
      ({ address, interfaceIndex, permanent }) =>
        address === virtual.address && interfaceIndex === link?.index && !permanent,
    );
  });
}

/** One clear line for what a missing capability means; other errors stay what they are. */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof SystemError) || error.errno !== EPERM) return error;
  return new OperationalError(
    'no-raw-sockets',
    'VRRP may not open raw sockets here: run as root, or with CAP_NET_RAW and CAP_NET_ADMIN',
  );
}

/** An address that the configuration's checks have passed. */
export function numericAddress(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  assert(parsed.ok, `the configuration's addresses are checked before: ${text}`);
  return parsed.value;
}
