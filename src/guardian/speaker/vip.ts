/**
 * The virtual addresses of one instance on this machine's interfaces: added with a short lifetime and
 * renewed, so that the kernel removes them by itself when nobody renews them; announced by gratuitous ARP.
 */

import { assert } from '../../core/assert.ts';
import { type ArpClaim, ArpSocket } from '../../linux/arp.ts';
import type { Link, RouteSocket } from '../../linux/netlink-route.ts';
import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from '../../vrrp/lifetime.ts';
import type { VirtualAddress } from './resolve.ts';

/** ARP frames taken at one go. */
const CLAIMS_MAX = 64;

type Port = { readonly link: Link; readonly arp: ArpSocket };

export class VipSet {
  readonly #route: RouteSocket;
  readonly #addresses: readonly VirtualAddress[];
  readonly #ports = new Map<string, Port>();
  #held = false;
  #renewAt = Number.POSITIVE_INFINITY;

  /** Opens an ARP socket per interface; throws SystemError. The owner closes it. */
  constructor(
    route: RouteSocket,
    addresses: readonly VirtualAddress[],
    links: ReadonlyMap<string, Link>,
  ) {
    this.#route = route;
    this.#addresses = addresses;
    try {
      for (const { interfaceName } of addresses) {
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

  /** Descriptors to wait for; claims() reads them. */
  get descriptors(): readonly number[] {
    return [...this.#ports.values()].map(({ arp }) => arp.fd);
  }

  /** Adds all, or renews them; throws SystemError. */
  put(now: number): void {
    this.#held = true;
    this.#renewAt = now + RENEW_INTERVAL_MS;
    for (const virtual of this.#addresses) {
      this.#route.putAddress(this.#spec(virtual), LIFETIME_SECONDS);
    }
  }

  /** Removes all; one that is gone already, or whose interface is, is as good as removed. */
  remove(): void {
    this.#held = false;
    this.#renewAt = Number.POSITIVE_INFINITY;
    for (const virtual of this.#addresses) {
      try {
        this.#route.deleteAddress(this.#spec(virtual));
      } catch {
        // Whatever hinders it (the interface went), the lifetime ends the address.
      }
    }
  }

  /** Whether an address vanished while held. Throws SystemError. */
  isMissing(): boolean {
    if (!this.#held) return false;
    const present = this.#route.addresses();
    return this.#addresses.some((virtual) => {
      const { index } = this.#port(virtual).link;
      return !present.some(
        ({ address, interfaceIndex }) => address === virtual.address && interfaceIndex === index,
      );
    });
  }

  /** Gratuitous ARP, `count` times for each address; returns the first errno, 0: all went out. */
  announce(count: number): number {
    let failure = 0;
    for (let round = 0; round < count; round += 1) {
      for (const virtual of this.#addresses) {
        const error = this.#port(virtual).arp.announce(virtual.address);
        if (failure === 0) failure = error;
      }
    }
    return failure;
  }

  /** Asks who holds the addresses. */
  probe(): void {
    for (const virtual of this.#addresses) this.#port(virtual).arp.probe(virtual.address);
  }

  /** Who else claimed one of the addresses since the last call. */
  claims(): readonly ArpClaim[] {
    const claims: ArpClaim[] = [];
    for (const { arp } of this.#ports.values()) {
      for (let count = 0; count < CLAIMS_MAX; count += 1) {
        const claim = arp.receive();
        if (claim === null) break;
        claims.push(claim);
      }
    }
    return claims;
  }

  close(): void {
    for (const { arp } of this.#ports.values()) arp.close();
    this.#ports.clear();
  }

  #open(interfaceName: string, links: ReadonlyMap<string, Link>): void {
    const link = links.get(interfaceName);
    assert(link !== undefined, `interface ${interfaceName} exists`);
    const watched = this.#addresses
      .filter((virtual) => virtual.interfaceName === interfaceName)
      .map(({ address }) => address);
    const arp = new ArpSocket(link.index, link.mac, watched);
    this.#ports.set(interfaceName, { link, arp });
  }

  #port(virtual: VirtualAddress): Port {
    const port = this.#ports.get(virtual.interfaceName);
    assert(port !== undefined, `interface ${virtual.interfaceName} is open`);
    return port;
  }

  #spec(virtual: VirtualAddress) {
    return { ...virtual, interfaceIndex: this.#port(virtual).link.index };
  }
}
