/**
 * From a configured instance to what this machine has for it: its addresses (address/resolve.ts), and the
 * source of its packets. Done once before anything is opened, so that mistakes end the start early.
 */

import { type ResolvedAddresses, resolveAddresses } from '../../address/resolve.ts';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { assert } from '../../core/assert.ts';
import { OperationalError } from '../../core/errors.ts';
import {
  formatIpAddress,
  type IpAddress,
  isInNetwork,
  isIpv6Address,
  numericAddress,
} from '../../core/ip-address.ts';
import { EPERM, SystemError } from '../../linux/errno.ts';
import { type InterfaceAddress, type Link, SCOPE_LINK } from '../../linux/netlink-route.ts';

export type ResolvedInstance = ResolvedAddresses & {
  readonly config: VrrpInstanceConfig;
  /** Its family is that of the instance. */
  readonly sourceAddress: IpAddress;
  /** It was there when this was resolved, or is the only one there may be: without it the instance is in FAULT. */
  readonly needsSource: boolean;
  /** Unicast peers in the network of that address: they answer who asks for them there. */
  readonly neighbours: readonly IpAddress[];
};

/** Throws OperationalError: missing-interface, no-source-address. */
export function resolveInstance(
  config: VrrpInstanceConfig,
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): ResolvedInstance {
  const resolved = resolveAddresses(config, `VRRP instance "${config.name}"`, links);
  const virtual = new Set(resolved.held.map(({ address }) => address));
  const ipv6 = resolved.addresses.some(({ address }) => isIpv6Address(address));
  const interfaceIndex = links.find(({ name }) => name === config.interface)?.index;
  assert(interfaceIndex !== undefined, 'interfaces of resolved addresses exist');
  const sourceAddress =
    config.sourceAddress === null
      ? firstAddress(config, { ipv6, interfaceIndex }, present, virtual)
      : numericAddress(config.sourceAddress);
  assert(isIpv6Address(sourceAddress) === ipv6, 'an instance sends from its own family');
  // keepalived's mcast_src_ip may be one that nobody has.
  const own = present.find((each) => isAt(each, sourceAddress, interfaceIndex));
  const neighbours = own === undefined ? [] : peersIn(own, config);
  return { ...resolved, config, sourceAddress, needsSource: own !== undefined, neighbours };
}

function peersIn(own: InterfaceAddress, { transport }: VrrpInstanceConfig): readonly IpAddress[] {
  if (transport.kind === 'multicast') return [];
  return transport.peers.map(numericAddress).filter((peer) => isInNetwork(peer, own));
}

/** The same instance, and the same virtual router at the same place for whoever hears it. */
export function isSameRouter(one: ResolvedInstance, other: ResolvedInstance): boolean {
  return (
    one.config.name === other.config.name &&
    one.config.interface === other.config.interface &&
    one.config.virtualRouterId === other.config.virtualRouterId &&
    isIpv6Address(one.sourceAddress) === isIpv6Address(other.sourceAddress)
  );
}

function isOnInterface(
  wanted: IpAddress,
  wantedIndex: number,
  present: readonly InterfaceAddress[],
): boolean {
  return present.some((each) => isAt(each, wanted, wantedIndex));
}

function isAt({ address, interfaceIndex }: InterfaceAddress, wanted: IpAddress, index: number) {
  return address === wanted && interfaceIndex === index;
}

/** Where its source address is instead: "text" is a fault. */
export type SourceFault = { readonly text: string; readonly movedTo: string | null };

/**
 * Why it cannot send, and be nobody's master; null: it can. An interface that is gone is a fault of its own, unless its
 * address has stayed, as when it was renamed.
 */
export function sourceFault(
  { config, needsSource, sourceAddress }: ResolvedInstance,
  links: ReadonlyMap<string, Link>,
  present: readonly InterfaceAddress[],
): SourceFault | null {
  const index = links.get(config.interface)?.index;
  if (!needsSource) return null;
  if (index !== undefined && isOnInterface(sourceAddress, index, present)) return null;
  const elsewhere = present.find(({ address }) => address === sourceAddress)?.interfaceIndex;
  if (index === undefined && elsewhere === undefined) return null;
  const movedTo = [...links.values()].find((link) => link.index === elsewhere)?.name ?? null;
  const where = movedTo === null ? 'is gone from' : `is on "${movedTo}" now, not on`;
  const text = `the node's address ${formatIpAddress(sourceAddress)} ${where} "${config.interface}"`;
  return { text, movedTo };
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

/** One clear line for what a missing capability means; other errors stay what they are. */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof SystemError) || error.errno !== EPERM) return error;
  return new OperationalError(
    'no-raw-sockets',
    'VRRP may not open raw sockets here: run as root, or with CAP_NET_RAW and CAP_NET_ADMIN',
  );
}
