/**
 * From a configured instance to what this machine has for it: interfaces by index, addresses as numbers,
 * the source of our packets. Done once before anything is opened, so that mistakes end the start early.
 */

import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model.ts';
import { assert } from '../../core/assert.ts';
import { OperationalError } from '../../core/errors.ts';
import { formatIpv4, parseIpv4 } from '../../core/ip.ts';
import { EPERM, SystemError } from '../../linux/errno.ts';
import type { InterfaceAddress, Link, RouteSocket } from '../../linux/netlink-route.ts';

export type VirtualAddress = {
  /** Unsigned 32-bit. */
  readonly address: number;
  readonly prefixLength: number;
  readonly interfaceName: string;
  readonly label: string | null;
};

export type ResolvedInstance = {
  readonly config: VrrpInstanceConfig;
  readonly sourceAddress: number;
  readonly addresses: readonly VirtualAddress[];
  /** The instance's own interface first. */
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
  const addresses = config.addresses.map((virtual) => ({
    address: numericAddress(virtual.address),
    prefixLength: virtual.prefixLength,
    interfaceName: virtual.interface ?? config.interface,
    label: virtual.label,
  }));
  const interfaceNames = [
    ...new Set([config.interface, ...addresses.map(({ interfaceName }) => interfaceName)]),
  ];
  const known = interfaceNames.map((name) => findLink(config.name, name, links));
  const virtual = new Set(addresses.map(({ address }) => address));
  const sourceAddress =
    config.sourceAddress === null
      ? firstAddress(config, known[0]?.index ?? 0, present, virtual)
      : numericAddress(config.sourceAddress);
  return { config, sourceAddress, addresses, interfaceNames };
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

/** The interface's first address that is not virtual; one that another comes with is not first. */
function firstAddress(
  config: VrrpInstanceConfig,
  interfaceIndex: number,
  present: readonly InterfaceAddress[],
  virtual: ReadonlySet<number>,
): number {
  const candidates = present.filter(
    (candidate) => candidate.interfaceIndex === interfaceIndex && !virtual.has(candidate.address),
  );
  const chosen = candidates.find(({ secondary }) => !secondary) ?? candidates[0];
  if (chosen !== undefined) return chosen.address;
  throw new OperationalError(
    'no-source-address',
    `VRRP instance "${config.name}" has no address to send from: give interface ` +
      `"${config.interface}" an IPv4 address beside the virtual one`,
  );
}

/**
 * Removes virtual addresses that an earlier run left here; returns them as text. Asks for each, present or
 * not, so that a missing CAP_NET_ADMIN shows now (SystemError EPERM) and not when the address is needed.
 */
export function removeStaleAddresses(
  route: RouteSocket,
  instances: readonly ResolvedInstance[],
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): readonly string[] {
  const removed: string[] = [];
  for (const virtual of instances.flatMap((instance) => instance.addresses)) {
    const interfaceIndex = links.find(({ name }) => name === virtual.interfaceName)?.index;
    assert(interfaceIndex !== undefined, 'interfaces of resolved instances exist');
    const stale = present.filter(
      (other) => other.address === virtual.address && other.interfaceIndex === interfaceIndex,
    );
    for (const { prefixLength } of [virtual, ...stale]) {
      const { address, interfaceName } = virtual;
      if (!route.deleteAddress({ interfaceIndex, address, prefixLength, label: null })) continue;
      removed.push(`${formatIpv4(address)}/${prefixLength} on "${interfaceName}"`);
    }
  }
  return removed;
}

/** One clear line for what a missing capability means; other errors stay what they are. */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof SystemError) || error.errno !== EPERM) return error;
  return new OperationalError(
    'no-raw-sockets',
    'VRRP may not open raw sockets here: run as root, or with CAP_NET_RAW and CAP_NET_ADMIN',
  );
}

/** An address the configuration's checks have passed, as an unsigned 32-bit number. */
export function numericAddress(text: string): number {
  const parsed = parseIpv4(text);
  assert(parsed.ok, `the configuration's addresses are checked before: ${text}`);
  return parsed.value;
}
