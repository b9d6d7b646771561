/**
 * Interfaces with the MAC address of a virtual router (RFC 9568 section 7.3; keepalived: use_vmac): macvlans
 * on the instances' own, there while an instance is, and switched on only while it is master. So a backup
 * answers nothing and sends nothing from an address that is the master's.
 */

import { assert } from '../core/assert.ts';
import { OperationalError } from '../core/errors.ts';
import { ENODEV, SystemError } from '../linux/errno.ts';
import { LinkSocket } from '../linux/netlink-link.ts';
import type { Link, RouteSocket } from '../linux/netlink-route.ts';
import { RaisedSettings, type Settings, writeSetting } from './raised-settings.ts';

/** An interface to be made, and its MAC address. */
export type VirtualMac = {
  readonly name: string;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Whether the addresses on it are those of IPv6. */
  readonly ipv6: boolean;
};

/**
 * The base interface answers ARP for its own addresses only, and asks from them only: nobody may take its
 * MAC address for that of a virtual address (ip-sysctl).
 */
const BASE_SETTINGS: Settings = { arp_ignore: '1', arp_announce: '2' };

const MAC_BYTES = 6;

export class VirtualMacs {
  readonly #route: RouteSocket;
  readonly #links = new LinkSocket();
  /** Instances that use each, by name: while a reload goes on, two may. */
  readonly #users = new Map<string, number>();
  readonly #narrowed = new RaisedSettings(BASE_SETTINGS);

  constructor(route: RouteSocket) {
    this.#route = route;
  }

  /**
   * Makes the interface, or takes the one that is there. Throws SystemError (ENODEV where the base interface went),
   * and OperationalError 'missing-interface' when something else has its name; nothing is left then.
   */
  acquire({ name, mac, ipv6 }: VirtualMac, base: Link): Link {
    assert(mac.length === MAC_BYTES, 'a MAC address has 6 bytes');
    const users = this.#users.get(name) ?? 0;
    if (users === 0) this.#removeStale(name, mac);
    this.#links.createMacvlan({ name, mac, baseIndex: base.index });
    const link = this.#find(name);
    // It goes with its base.
    if (link === undefined) throw new SystemError('RTM_GETLINK', ENODEV, name);
    try {
      configure(name, ipv6);
      this.#narrowed.raise(base.name);
    } catch (error) {
      if (users === 0) this.#remove(link);
      throw error;
    }
    this.#users.set(name, users + 1);
    return link;
  }

  /** The way back from acquire(). Whatever hinders it: what is left is removed at the next start. */
  release(link: Link, baseName: string): void {
    const before = this.#users.get(link.name);
    assert(before !== undefined, `interface ${link.name} is released by who acquired it`);
    const users = before - 1;
    this.#narrowed.lower(baseName);
    if (users > 0) {
      this.#users.set(link.name, users);
      return;
    }
    this.#users.delete(link.name);
    this.#remove(link);
  }

  #remove(link: Link): void {
    try {
      this.#links.remove(link.index);
    } catch {
      // Without addresses and switched off it does nobody harm.
    }
  }

  /** As the instance becomes master, and as it is no longer. An interface that is gone is news for later. */
  setUp(link: Link, up: boolean): void {
    try {
      this.#links.setUp(link.index, up);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  close(): void {
    this.#links.close();
  }

  #find(name: string): Link | undefined {
    return this.#route.links().find((link) => link.name === name);
  }

  #removeStale(name: string, mac: Uint8Array): void {
    const found = this.#find(name);
    if (found === undefined) return;
    if (!Buffer.from(found.mac).equals(mac)) {
      const text =
        `An interface "${name}" is there already, and has not the virtual MAC address; remove it, or ` +
        'give "use_vmac" another name';
      throw new OperationalError('missing-interface', text);
    }
    this.#links.remove(found.index);
  }
}

/** ip-sysctl: answers for its own addresses, sends nothing by itself, takes what comes by another way. */
function configure(name: string, ipv6: boolean): void {
  const ipv4Settings = { arp_ignore: '1', rp_filter: '2' };
  for (const [key, value] of Object.entries(ipv4Settings)) {
    writeSetting(`/proc/sys/net/ipv4/conf/${name}/${key}`, value);
  }
  // No link-local address: it would be the same on every node.
  const [key, value] = ipv6 ? ['addr_gen_mode', '1'] : ['disable_ipv6', '1'];
  try {
    writeSetting(`/proc/sys/net/ipv6/conf/${name}/${key}`, value);
  } catch {
    // A kernel without IPv6.
  }
}
