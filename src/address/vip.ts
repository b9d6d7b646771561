/**
 * The virtual addresses of one instance on this machine's interfaces: added with a short lifetime and
 * renewed, so that the kernel removes them by itself when nobody renews them; announced by gratuitous ARP or
 * Neighbor Advertisements. Its routes come and go with them.
 */

import type { AddressesConfig } from '../config/model/addresses.ts';
import { assert } from '../core/assert.ts';
import { type IpAddress, isIpv6Address } from '../core/ip-address.ts';
import { type AddressClaim, ArpSocket } from '../linux/arp.ts';
import { SystemError } from '../linux/errno.ts';
import { NeighbourSocket } from '../linux/neighbour.ts';
import type { InterfaceAddress, Link, RouteSocket, RouteSpec } from '../linux/netlink-route.ts';
import { deleteAddressAlone } from './deletion.ts';
import type { ResolvedAddresses, VirtualAddress, VirtualRoute } from './resolve.ts';
import { Announcements } from './rules/announcements.ts';
import { kernelPrefixLength } from './rules/kernel-prefix.ts';
import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from './rules/lifetime.ts';

/** What an interface needs for the families of its addresses. */
type Port = {
  readonly link: Link;
  /** What its frames go through: another where it has a virtual MAC address. */
  readonly wire: Link;
  readonly arp: ArpSocket | null;
  readonly neighbour: NeighbourSocket | null;
  /** What is still to be announced, by ARP and by Neighbor Advertisements; null: nothing is spread. */
  readonly arpWaiting: Announcements | null;
  readonly neighbourWaiting: Announcements | null;
};

export class VipSet {
  readonly #route: RouteSocket;
  readonly #addresses: readonly VirtualAddress[];
  readonly #routes: readonly VirtualRoute[];
  readonly #links: ReadonlyMap<string, Link>;
  readonly #ports = new Map<string, Port>();
  readonly #config: AddressesConfig;
  /** As they are, or were last, in the kernel. */
  readonly #prefixLengths = new Map<VirtualAddress, number>();
  #held = false;
  /** Kept, not looked for: it is asked for in every round. */
  #announceAt = Number.POSITIVE_INFINITY;
  readonly #listening: (ArpSocket | NeighbourSocket)[] = [];
  #renewAt = Number.POSITIVE_INFINITY;

  /** Opens sockets for each interface; throws SystemError. The owner closes it. */
  constructor(
    route: RouteSocket,
    { held, routes, config }: Pick<ResolvedAddresses, 'held' | 'routes' | 'config'>,
    links: ReadonlyMap<string, Link>,
  ) {
    this.#config = config;
    this.#route = route;
    this.#addresses = held;
    this.#routes = routes;
    this.#links = new Map(links);
    try {
      for (const { interfaceName } of held) {
        if (!this.#ports.has(interfaceName)) this.#open(interfaceName, links);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get held(): boolean {
    return this.#held;
  }

  /** When renew() is due; Infinity while nothing is held. */
  get renewAt(): number {
    return this.#renewAt;
  }

  /** Descriptors to wait for; receiveClaim() reads them. */
  get descriptors(): readonly number[] {
    return this.#listening.map(({ fd }) => fd);
  }

  /** Adds all; throws SystemError. */
  put(now: number): void {
    this.#choosePrefixLengths(this.#route.addresses());
    this.#held = true;
    this.renew(now);
    for (const route of this.#routes) this.#route.putRoute(this.#routeSpec(route));
  }

  /** The whole address, once an own address leads to its network: that one may go and come. */
  #choosePrefixLengths(present: readonly InterfaceAddress[]): void {
    const virtuals = new Set(this.#addresses.map(({ address }) => address));
    const own = present.filter(({ address }) => !virtuals.has(address));
    for (const virtual of this.#addresses) {
      const { link, wire } = this.#port(virtual);
      const here = own.filter(({ interfaceIndex: index }) =>
        [link.index, wire.index].includes(index),
      );
      const chosen = kernelPrefixLength(virtual, here);
      const before = this.#prefixLengths.get(virtual) ?? 0;
      this.#prefixLengths.set(virtual, Math.max(chosen, before));
    }
  }

  /**
   * Addresses of the node have changed while these are held: an own one that came after a virtual one of its
   * network must not go with it. `present`: all of this machine. Throws SystemError.
   */
  adapt(present: readonly InterfaceAddress[], now: number): void {
    assert(this.#held, 'addresses are adapted by who holds them');
    const before = new Map(this.#prefixLengths);
    this.#choosePrefixLengths(present);
    const changed = this.#addresses.filter(
      (virtual) => this.#prefixLengths.get(virtual) !== before.get(virtual),
    );
    if (changed.length === 0) return;
    // The new one first: the address is here all the time.
    this.renew(now);
    for (const virtual of changed) {
      const prefixLength = before.get(virtual) ?? virtual.prefixLength;
      const spec = { ...this.#spec(virtual), prefixLength };
      deleteAddressAlone(this.#route, spec, virtual.interfaceName);
    }
  }

  /** Gives addresses that are held their whole lifetime again, or adds what is missing; throws SystemError. */
  renew(now: number): void {
    assert(this.#held, 'addresses are renewed by who holds them');
    this.#renewAt = now + RENEW_INTERVAL_MS;
    for (const virtual of this.#addresses) {
      this.#route.putAddress(this.#spec(virtual), LIFETIME_SECONDS);
    }
  }

  /** Removes all; one that is gone already, or whose interface is, is as good as removed. */
  remove(): void {
    this.#held = false;
    for (const { arpWaiting, neighbourWaiting } of this.#ports.values()) {
      arpWaiting?.clear();
      neighbourWaiting?.clear();
    }
    this.#announceAt = Number.POSITIVE_INFINITY;
    this.#renewAt = Number.POSITIVE_INFINITY;
    this.#delete(this.#routes, this.#addresses);
  }

  #delete(routes: readonly VirtualRoute[], addresses: readonly VirtualAddress[]): void {
    for (const route of routes) {
      try {
        this.#route.deleteRoute(this.#routeSpec(route));
      } catch {
        // The addresses must go, whatever hinders this.
      }
    }
    for (const virtual of addresses) {
      try {
        deleteAddressAlone(this.#route, this.#spec(virtual), virtual.interfaceName);
      } catch {
        // Whatever hinders it (the interface went), the lifetime ends the address.
      }
    }
  }

  /** Before another set takes over: removes what that one does not hold, and leaves it the rest. */
  leave({ held, routes }: Pick<ResolvedAddresses, 'held' | 'routes'>): void {
    if (!this.#held) return;
    this.#held = false;
    this.#renewAt = Number.POSITIVE_INFINITY;
    const kept = new Set([...held, ...routes].map(identity));
    this.#delete(
      this.#routes.filter((route) => !kept.has(identity(route))),
      this.#addresses.filter((virtual) => !kept.has(identity(virtual))),
    );
  }

  /** Whether an address vanished while held. `present`: all of this machine. */
  isMissing(present: readonly InterfaceAddress[]): boolean {
    if (!this.#held) return false;
    return this.#addresses.some((virtual) => {
      const { index } = this.#port(virtual).link;
      return !present.some(
        ({ address, interfaceIndex }) => address === virtual.address && interfaceIndex === index,
      );
    });
  }

  /**
   * Gratuitous ARP or its like, `count` times for each address, at once or spread over time (then
   * announceWaiting() goes on); returns the first errno, 0: all went out.
   */
  announce(count: number, now: number): number {
    let failure = this.#renewFirst(now);
    for (const [name, port] of this.#ports) {
      const here = this.#addresses.filter(({ interfaceName }) => interfaceName === name);
      const [ipv6, ipv4] = [true, false].map((isOfIpv6) =>
        here.map(({ address }) => address).filter((each) => isIpv6Address(each) === isOfIpv6),
      );
      for (const [addresses, waiting] of [
        [ipv4 ?? [], port.arpWaiting],
        [ipv6 ?? [], port.neighbourWaiting],
      ] as const) {
        waiting?.add(addresses, count);
        const rounds = waiting === null ? count : 0;
        for (let round = 0; round < rounds; round += 1) {
          for (const address of addresses) failure ||= sendAnnouncement(port, address);
        }
      }
    }
    const later = this.announceWaiting(now);
    return failure || later;
  }

  /** They may be gone, and the news of it not read yet: a reaper stood in while this process hung. The errno, or 0. */
  #renewFirst(now: number): number {
    if (!this.#held || this.#renewAt >= now + RENEW_INTERVAL_MS) return 0;
    try {
      this.renew(now);
      return 0;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error.errno;
    }
  }

  /** When announceWaiting() has something to send; Infinity: nothing waits. */
  get announceAt(): number {
    return this.#announceAt;
  }

  /** Sends what is due of the announcements that are spread over time; returns the first errno. */
  announceWaiting(now: number): number {
    let failure = 0;
    let at = Number.POSITIVE_INFINITY;
    for (const port of this.#ports.values()) {
      for (const waiting of [port.arpWaiting, port.neighbourWaiting]) {
        const address = waiting?.take(now) ?? null;
        if (address !== null) failure ||= sendAnnouncement(port, address);
        at = Math.min(at, waiting?.nextAt ?? at);
      }
    }
    this.#announceAt = at;
    return failure;
  }

  /** Asks who holds the addresses. */
  probe(): void {
    for (const virtual of this.#addresses) {
      const { arp, neighbour } = this.#port(virtual);
      if (isIpv6Address(virtual.address)) neighbour?.probe(virtual.address);
      else arp?.probe(virtual.address);
    }
  }

  /** Asks who else holds the addresses; who does answers this node alone. `source`: of their family. */
  ask(source: IpAddress): void {
    for (const { address, ...virtual } of this.#addresses) {
      const { arp, neighbour } = this.#port(virtual);
      // RFC 5227 section 2.1.1: from no address, which the answer goes to as well.
      if (!isIpv6Address(address)) arp?.probe(address);
      else if (isIpv6Address(source)) neighbour?.ask(address, source);
    }
  }

  /** Who else claimed one of the addresses; null: nobody did since the last call. */
  receiveClaim(): AddressClaim | null {
    for (let index = 0; index < this.#listening.length; index += 1) {
      const claim = this.#listening[index]?.receive() ?? null;
      if (claim !== null) return claim;
    }
    return null;
  }

  close(): void {
    for (const { arp, neighbour } of this.#ports.values()) {
      arp?.close();
      neighbour?.close();
    }
    this.#ports.clear();
    this.#listening.length = 0;
  }

  #open(interfaceName: string, links: ReadonlyMap<string, Link>): void {
    const link = links.get(interfaceName);
    assert(link !== undefined, `interface ${interfaceName} exists`);
    const watched = this.#addresses
      .filter((virtual) => virtual.interfaceName === interfaceName)
      .map(({ address }) => address);
    const ipv4 = watched.filter((address) => !isIpv6Address(address));
    // Frames of a virtual MAC address go through the interface it is on, whether it is switched on or not.
    const wire = this.#wireOf(interfaceName, links);
    const macs = { announced: link.mac, own: wire.mac };
    const arp = ipv4.length === 0 ? null : new ArpSocket(wire.index, macs, ipv4);
    if (arp !== null) this.#listening.push(arp);
    const { arpPaceMs, neighbourPaceMs } = this.#config.garp;
    const port = {
      link,
      wire,
      arp,
      neighbour: null,
      arpWaiting: arpPaceMs === 0 ? null : new Announcements(arpPaceMs),
      neighbourWaiting: neighbourPaceMs === 0 ? null : new Announcements(neighbourPaceMs),
    };
    this.#ports.set(interfaceName, port);
    if (ipv4.length === watched.length) return;
    const ipv6 = watched.filter(isIpv6Address);
    const neighbour = new NeighbourSocket(wire.index, macs, ipv6);
    this.#listening.push(neighbour);
    this.#ports.set(interfaceName, { ...port, neighbour });
  }

  #wireOf(interfaceName: string, links: ReadonlyMap<string, Link>): Link {
    const { interface: base, virtualMac } = this.#config;
    const link = links.get(interfaceName === virtualMac?.name ? base : interfaceName);
    assert(link !== undefined, `interface ${interfaceName} exists`);
    return link;
  }

  #port(virtual: Pick<VirtualAddress, 'interfaceName'>): Port {
    const port = this.#ports.get(virtual.interfaceName);
    assert(port !== undefined, `interface ${virtual.interfaceName} is open`);
    return port;
  }

  #spec(virtual: VirtualAddress) {
    const prefixLength = this.#prefixLengths.get(virtual) ?? virtual.prefixLength;
    return { ...virtual, prefixLength, interfaceIndex: this.#port(virtual).link.index };
  }

  #routeSpec({ interfaceName, ...route }: VirtualRoute): RouteSpec {
    if (interfaceName === null) return { ...route, interfaceIndex: null };
    const link = this.#links.get(interfaceName);
    assert(link !== undefined, `interface ${interfaceName} exists`);
    return { ...route, interfaceIndex: link.index };
  }
}

function sendAnnouncement({ arp, neighbour }: Port, address: IpAddress): number {
  return isIpv6Address(address)
    ? (neighbour?.announce(address) ?? 0)
    : (arp?.announce(address) ?? 0);
}

/** Two with the same are one to the kernel. IPv6 addresses are bigints, which JSON does not take. */
function identity(part: VirtualAddress | VirtualRoute): string {
  return JSON.stringify(part, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}
