/** Links and IPv4 addresses of this machine: rtnetlink(7). Never by running `ip`. */

import { EADDRNOTAVAIL, SystemError } from './errno.ts';
import {
  type Attribute,
  decodeAttributes,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
} from './netlink.ts';
import { AF_INET } from './sockets.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const RTMGRP_LINK = 1;
const RTMGRP_IPV4_IFADDR = 0x10;

const IFINFOMSG_BYTES = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;

const IFADDRMSG_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_F_SECONDARY = 1;

export type Link = {
  readonly index: number;
  readonly name: string;
  /** 6 bytes on Ethernet; empty where there is none. */
  readonly mac: Uint8Array;
  /** Switched on, and with a carrier (operational state, not the mere wish). */
  readonly up: boolean;
};

export type InterfaceAddress = {
  readonly interfaceIndex: number;
  /** Unsigned 32-bit. */
  readonly address: number;
  readonly prefixLength: number;
  /** Not the first address of its subnet on the interface. */
  readonly secondary: boolean;
};

export type AddressSpec = {
  readonly interfaceIndex: number;
  readonly address: number;
  readonly prefixLength: number;
  /** "eth0:1", at most 15 bytes; null: the interface's name. */
  readonly label: string | null;
};

export type RouteNews =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'link-gone'; readonly index: number }
  | { readonly kind: 'address' | 'address-gone'; readonly address: InterfaceAddress };

/** Requests about links and addresses; the owner closes it. */
export class RouteSocket {
  readonly #socket = new NetlinkSocket(0);

  links(): readonly Link[] {
    const answer = this.#socket.request(
      RTM_GETLINK,
      NLM_F_DUMP,
      Buffer.alloc(IFINFOMSG_BYTES),
      [],
      'list of links',
    );
    return answer.map(decodeLink).filter((link) => link !== null);
  }

  addresses(): readonly InterfaceAddress[] {
    const fixed = Buffer.alloc(IFADDRMSG_BYTES);
    fixed.writeUInt8(AF_INET, 0);
    const answer = this.#socket.request(RTM_GETADDR, NLM_F_DUMP, fixed, [], 'list of addresses');
    return answer.map(decodeAddress).filter((address) => address !== null);
  }

  /**
   * Adds the address, or renews it: the kernel removes it by itself `lifetimeSeconds` from now. Throws
   * SystemError (EPERM, ENODEV, ...).
   */
  putAddress(spec: AddressSpec, lifetimeSeconds: number): void {
    // struct ifa_cacheinfo: preferred, valid, and two stamps that the kernel fills.
    const cacheInfo = Buffer.alloc(16);
    cacheInfo.writeUInt32LE(lifetimeSeconds, 0);
    cacheInfo.writeUInt32LE(lifetimeSeconds, 4);
    const attributes = [...addressAttributes(spec), { type: IFA_CACHEINFO, value: cacheInfo }];
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    this.#socket.request(RTM_NEWADDR, flags, addressHeader(spec), attributes, 'add address');
  }

  /** False when it was not there. Throws SystemError. */
  deleteAddress(spec: AddressSpec): boolean {
    try {
      const attributes = addressAttributes({ ...spec, label: null });
      this.#socket.request(
        RTM_DELADDR,
        NLM_F_ACK,
        addressHeader(spec),
        attributes,
        'delete address',
      );
      return true;
    } catch (error) {
      if (error instanceof SystemError && error.errno === EADDRNOTAVAIL) return false;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** News about links and IPv4 addresses, from its opening on; the owner closes it. */
export class RouteNewsSocket {
  readonly #socket = new NetlinkSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR);

  get fd(): number {
    return this.#socket.fd;
  }

  /** What waits (perhaps nothing); null: some news were lost, ask for the lists. */
  receive(): readonly RouteNews[] | null {
    const messages = this.#socket.receiveNews();
    return messages === null ? null : messages.map(decodeNews).filter((news) => news !== null);
  }

  close(): void {
    this.#socket.close();
  }
}

function addressHeader(spec: AddressSpec): Buffer {
  // struct ifaddrmsg: family, prefix length, flags, scope, index.
  const fixed = Buffer.alloc(IFADDRMSG_BYTES);
  fixed.writeUInt8(AF_INET, 0);
  fixed.writeUInt8(spec.prefixLength, 1);
  fixed.writeUInt32LE(spec.interfaceIndex, 4);
  return fixed;
}

function addressAttributes(spec: AddressSpec): readonly Attribute[] {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(spec.address);
  const attributes: Attribute[] = [
    { type: IFA_LOCAL, value },
    { type: IFA_ADDRESS, value },
  ];
  if (spec.label !== null) {
    attributes.push({ type: IFA_LABEL, value: Buffer.from(`${spec.label}\0`) });
  }
  return attributes;
}

function decodeNews(message: NetlinkMessage): RouteNews | null {
  if (message.type === RTM_NEWLINK) {
    const link = decodeLink(message);
    return link === null ? null : { kind: 'link', link };
  }
  if (message.type === RTM_DELLINK && message.payload.length >= IFINFOMSG_BYTES) {
    return { kind: 'link-gone', index: message.payload.readInt32LE(4) };
  }
  if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
    const address = decodeAddress(message);
    if (address === null) return null;
    return { kind: message.type === RTM_NEWADDR ? 'address' : 'address-gone', address };
  }
  return null;
}

function decodeLink({ payload }: NetlinkMessage): Link | null {
  if (payload.length < IFINFOMSG_BYTES) return null;
  const attributes = decodeAttributes(payload, IFINFOMSG_BYTES);
  const name = attributes.get(IFLA_IFNAME);
  if (name === undefined) return null;
  const flags = payload.readUInt32LE(8);
  return {
    index: payload.readInt32LE(4),
    name: name.toString('utf8').replace(/\0.*$/, ''),
    mac: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? []),
    up: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
  };
}

function decodeAddress({ payload }: NetlinkMessage): InterfaceAddress | null {
  if (payload.length < IFADDRMSG_BYTES || payload.readUInt8(0) !== AF_INET) return null;
  const attributes = decodeAttributes(payload, IFADDRMSG_BYTES);
  // On point-to-point links IFA_ADDRESS is the peer's.
  const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (local === undefined || local.length !== 4) return null;
  return {
    interfaceIndex: payload.readUInt32LE(4),
    address: local.readUInt32BE(0),
    prefixLength: payload.readUInt8(1),
    secondary: (payload.readUInt8(2) & IFA_F_SECONDARY) !== 0,
  };
}
