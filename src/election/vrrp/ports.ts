/** The sockets of one instance: for its advertisements, and for its addresses. */

import type { RaisedSettings } from '../../address/raised-settings.ts';
import { VipSet } from '../../address/vip.ts';
import type { VirtualMac, VirtualMacs } from '../../address/virtual-macs.ts';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { assert } from '../../core/assert.ts';
import { formatIpAddress, isIpv6Address, numericAddress } from '../../core/ip-address.ts';
import { ENODEV, SystemError } from '../../linux/errno.ts';
import type { Link, RouteSocket } from '../../linux/netlink-route.ts';
import { SoleOwner } from '../../vrrp/sole-owner.ts';
import { WireWatch } from '../../vrrp/wire-watch.ts';
import { Advertiser, type Counters, type Surroundings } from './advertiser.ts';
import { PeerSocket } from './peer-socket.ts';
import type { ResolvedInstance } from './resolve.ts';

/** `life`: one that goes takes sockets and groups along, and may come back with its index. Absent: its first. */
export type KnownLink = Link & { readonly life?: number };

export type InstanceCounters = Counters & { readonly owner: SoleOwner };

export type Ports = {
  readonly advertiser: Omit<Advertiser, 'counters' | 'close'>;
  readonly vips: Omit<VipSet, 'close'>;
  readonly peers: Omit<PeerSocket, 'close'>;
  /** Switches the interface with the virtual MAC address on and off, where there is one. */
  readonly setMaster: (master: boolean) => void;
  readonly key: string;
  readonly close: () => void;
};

/** Throws SystemError and OperationalError with nothing left open; the owner closes them. */
export type OpenPorts = (
  resolved: ResolvedInstance,
  counters: Counters,
  links: ReadonlyMap<string, KnownLink>,
) => Ports;

type Opener = {
  readonly route: RouteSocket;
  readonly macs: VirtualMacs;
  /** keepalived: promote_secondaries. */
  readonly promotion: RaisedSettings;
} & Surroundings;

/** On this machine. */
export function portsOpener(opener: Opener): OpenPorts {
  return (resolved, counters, links) => openPorts(opener, resolved, counters, links);
}

function openPorts(
  opener: Opener,
  resolved: ResolvedInstance,
  counters: Counters,
  links: ReadonlyMap<string, KnownLink>,
): Ports {
  const { route, macs, promotion } = opener;
  const base = links.get(resolved.config.interface);
  assert(base !== undefined, 'the interface exists');
  const mac = virtualMacOf(resolved);
  const virtual = mac === null ? null : macs.acquire(mac, base);
  const all = virtual === null ? links : new Map([...links, [virtual.name, virtual]]);
  let promotes = false;
  let advertiser: Advertiser | null = null;
  let peers: PeerSocket | null = null;
  const close = (vips: VipSet | null) => {
    advertiser?.close();
    peers?.close();
    vips?.close();
    if (virtual !== null) macs.release(virtual, base.name);
    if (promotes) promotion.lower(base.name);
  };
  try {
    if (resolved.config.promoteSecondaries === true) promotes = promote(opener, resolved.config);
    advertiser = new Advertiser(resolved, { base, virtual }, counters, opener);
    peers = new PeerSocket(resolved, base);
    const vips = new VipSet(route, resolved, all);
    return {
      advertiser,
      vips,
      peers,
      setMaster: (master) => {
        if (virtual !== null) macs.setUp(virtual, master);
      },
      key: portsKey(resolved, all),
      close: () => close(vips),
    };
  } catch (error) {
    close(null);
    throw error;
  }
}

/** False, and a warning: it cannot be. Throws SystemError ENODEV where the interface went. */
function promote({ promotion, warn }: Opener, { name, interface: device }: VrrpInstanceConfig) {
  try {
    promotion.raise(device);
    return true;
  } catch (error) {
    // E.g. EROFS in a container: everything else works without it.
    if (!(error instanceof SystemError) || error.errno === ENODEV) throw error;
    warn(`VRRP instance "${name}" cannot switch promote_secondaries on: ${error.message}`);
    return false;
  }
}

/** RFC 9568 section 7.3: 00-00-5E-00-01-{VRID}, on IPv6 00-00-5E-00-02-{VRID}; null: none is wanted. */
function virtualMacOf({ config, sourceAddress }: ResolvedInstance): VirtualMac | null {
  const { virtualMac, virtualRouterId } = config;
  if (virtualMac === undefined) return null;
  const ipv6 = isIpv6Address(sourceAddress);
  const mac = Uint8Array.of(0, 0, 0x5e, 0, ipv6 ? 2 : 1, virtualRouterId);
  return { name: virtualMac.name, mac, ipv6 };
}

/** Sockets live as long as this stays the same. */
export function portsKey(
  { config, sourceAddress, interfaceNames }: ResolvedInstance,
  links: ReadonlyMap<string, KnownLink>,
): string {
  const parts = [...interfaceNames, config.virtualMac?.name ?? ''].map((name) => {
    const link = links.get(name);
    return `${link?.index}/${link?.life ?? 0}/${link?.mac.join('.')}`;
  });
  return [...parts, formatIpAddress(sourceAddress), JSON.stringify(wireOf(config))].join(' ');
}

/** All of a configuration but what no socket knows of. */
function wireOf(config: VrrpInstanceConfig): object {
  const { notify, preempt, preemptDelayMs, initialState, ...rest } = config;
  const { trackScripts, trackInterfaces, trackProcesses, trackFiles, ...tracked } = rest;
  const { trackBalancer, notifyPriority, ...wire } = tracked;
  return wire;
}

/** What is known of the others on the wire; it outlives a reopening. */
export function watchesOf({
  config: { transport },
  neighbours,
}: ResolvedInstance): Pick<InstanceCounters, 'watch' | 'owner'> {
  const peers = transport.kind === 'unicast' ? transport.peers.map(numericAddress) : [];
  return { watch: new WireWatch(peers), owner: new SoleOwner(neighbours) };
}
