/** Links, addresses and routes of this machine: rtnetlink(7). Never by running `ip`. */

import {
  type IpAddress,
  ipBytes,
  isIpv6Address,
  readIpAddress,
  writeIpAddress,
} from '../core/ip-address.ts';
import { EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH, SystemError } from './errno.ts';
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
import { AF_INET, AF_INET6 } from './sockets.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;

const RTMGRP_LINK = 1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;

const IFINFOMSG_BYTES = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const AF_UNSPEC = 0;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;

const IFADDRMSG_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_F_SECONDARY = 1;
const IFA_F_PERMANENT = 0x80;
/** No duplicate address detection: the address works at once. */
const IFA_F_NODAD = 2;

const RTMSG_BYTES = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_TABLE = 15;
const RTN_UNICAST = 1;
/** Marks who made the route, as keepalived marks its own (linux/rtnetlink.h). */
const RTPROT_KEEPALIVED = 18;
const SCOPE_UNIVERSE = 0;
export const SCOPE_LINK = 253;

export type Link = {
  readonly index: number;
  readonly name: string;
  /** 6 bytes on Ethernet; empty where there is none. */
  readonly mac: Uint8Array;
  readonly switchedOn: boolean;
  /** Switched on, and with a carrier (operational state, not the mere wish). */
  readonly up: boolean;
};

export type InterfaceAddress = {
  readonly interfaceIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** rtnetlink(7), ifa_scope: 0 global, 253 link. */
  readonly scope: number;
  /** Not the first address of its subnet on the interface. */
  readonly secondary: boolean;
  /** Without a lifetime: nothing of ours, which always has one. */
  readonly permanent: boolean;
};

export type AddressSpec = {
  readonly interfaceIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** "eth0:1", at most 15 bytes; null: the interface's name. IPv4 only. */
  readonly label: string | null;
  readonly scope: number;
  /** null: none. IPv4 only. */
  readonly broadcast: IpAddress | null;
};

export type RouteSpec = {
  readonly destination: IpAddress;
  readonly prefixLength: number;
  /** null: directly on the interface. */
  readonly gateway: IpAddress | null;
  /** null: the kernel finds it by the gateway. */
  readonly interfaceIndex: number | null;
  /** null: the kernel chooses. */
  readonly source: IpAddress | null;
  readonly metric: number;
  readonly table: number;
};

export type RouteNews =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'link-gone'; readonly index: number }
  /** `by`: the netlink port of who asked for it, mostly its process id; 0: the kernel itself. */
  | {
      readonly kind: 'address' | 'address-gone';
      readonly address: InterfaceAddress;
      readonly by: number;
    };

/** Requests about links, addresses and routes; the owner closes it. */
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

  /** Of both families. */
  addresses(): readonly InterfaceAddress[] {
    const fixed = Buffer.alloc(IFADDRMSG_BYTES);
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
    cacheInfo.writeUInt32LE(preferredSeconds(spec, lifetimeSeconds), 0);
    cacheInfo.writeUInt32LE(lifetimeSeconds, 4);
    const attributes = [...addressAttributes(spec), { type: IFA_CACHEINFO, value: cacheInfo }];
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    this.#socket.request(RTM_NEWADDR, flags, addressHeader(spec), attributes, 'add address');
  }

  /** False when it was not there. Throws SystemError. */
  deleteAddress(spec: AddressSpec): boolean {
    try {
      const attributes = addressAttributes({ ...spec, label: null, broadcast: null });
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

  /** Adds the route or puts it in the place of the same one. Throws SystemError. */
  putRoute(spec: RouteSpec): void {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    this.#socket.request(
      RTM_NEWROUTE,
      flags,
      routeHeader(spec),
      routeAttributes(spec),
      'add route',
    );
  }

  /** False when it was not there, or went with its interface. Throws SystemError. */
  deleteRoute(spec: RouteSpec): boolean {
    const attributes = routeAttributes(spec);
    try {
      this.#socket.request(RTM_DELROUTE, NLM_F_ACK, routeHeader(spec), attributes, 'delete route');
      return true;
    } catch (error) {
      if (error instanceof SystemError && [ESRCH, ENODEV, ENOENT].includes(error.errno)) {
        return false;
      }
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** One for all: mostly there are none. */
const NO_NEWS: readonly RouteNews[] = [];

/** News about links and addresses, from its opening on; the owner closes it. */
export class RouteNewsSocket {
  readonly #socket = new NetlinkSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);

  get fd(): number {
    return this.#socket.fd;
  }

  /** What waits (perhaps nothing); null: some news were lost, ask for the lists. */
  receive(): readonly RouteNews[] | null {
    const messages = this.#socket.receiveNews();
    if (messages === null || messages.length === 0) return messages === null ? null : NO_NEWS;
    return messages.map(decodeNews).filter((news) => news !== null);
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * A virtual IPv6 address is deprecated at once, as keepalived has it for single ones: it answers, but nobody uses
 * it as the source of connections of his own (RFC 6724 section 5, rule 3).
 */
function preferredSeconds({ address }: AddressSpec, lifetimeSeconds: number): number {
  return isIpv6Address(address) ? 0 : lifetimeSeconds;
}

function familyOf(address: IpAddress): number {
  return isIpv6Address(address) ? AF_INET6 : AF_INET;
}

function bytesOf(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(ipBytes(address));
  writeIpAddress(bytes, 0, address);
  return bytes;
}

function numberAttribute(type: number, number: number): Attribute {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(number);
  return { type, value };
}

function addressHeader(spec: AddressSpec): Buffer {
  // struct ifaddrmsg: family, prefix length, flags, scope, index.
  const fixed = Buffer.alloc(IFADDRMSG_BYTES);
  fixed.writeUInt8(familyOf(spec.address), 0);
  fixed.writeUInt8(spec.prefixLength, 1);
  fixed.writeUInt8(isIpv6Address(spec.address) ? IFA_F_NODAD : 0, 2);
  fixed.writeUInt8(spec.scope, 3);
  fixed.writeUInt32LE(spec.interfaceIndex, 4);
  return fixed;
}

function addressAttributes(spec: AddressSpec): readonly Attribute[] {
  const value = bytesOf(spec.address);
  const attributes: Attribute[] = [
    { type: IFA_LOCAL, value },
    { type: IFA_ADDRESS, value },
  ];
  if (isIpv6Address(spec.address)) return attributes;
  if (spec.broadcast !== null) {
    attributes.push({ type: IFA_BROADCAST, value: bytesOf(spec.broadcast) });
  }
  if (spec.label !== null) {
    attributes.push({ type: IFA_LABEL, value: Buffer.from(`${spec.label}\0`) });
  }
  return attributes;
}

function routeHeader(spec: RouteSpec): Buffer {
  // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags.
  const fixed = Buffer.alloc(RTMSG_BYTES);
  fixed.writeUInt8(familyOf(spec.destination), 0);
  fixed.writeUInt8(spec.prefixLength, 1);
  // Tables above 255 stand in an attribute only.
  fixed.writeUInt8(spec.table > 255 ? 0 : spec.table, 4);
  fixed.writeUInt8(RTPROT_KEEPALIVED, 5);
  fixed.writeUInt8(spec.gateway === null ? SCOPE_LINK : SCOPE_UNIVERSE, 6);
  fixed.writeUInt8(RTN_UNICAST, 7);
  return fixed;
}

function routeAttributes(spec: RouteSpec): readonly Attribute[] {
  const { destination, gateway, interfaceIndex, source } = spec;
  const attributes = [numberAttribute(RTA_TABLE, spec.table)];
  if (spec.prefixLength > 0) attributes.push({ type: RTA_DST, value: bytesOf(destination) });
  if (gateway !== null) attributes.push({ type: RTA_GATEWAY, value: bytesOf(gateway) });
  if (interfaceIndex !== null) attributes.push(numberAttribute(RTA_OIF, interfaceIndex));
  if (source !== null) attributes.push({ type: RTA_PREFSRC, value: bytesOf(source) });
  if (spec.metric !== 0) attributes.push(numberAttribute(RTA_PRIORITY, spec.metric));
  return attributes;
}

/** null: it is of another kind, or cut. Never throws. */
export function decodeNews(message: NetlinkMessage): RouteNews | null {
  if (message.type === RTM_NEWLINK) {
    const link = decodeLink(message);
    return link === null ? null : { kind: 'link', link };
  }
  if (message.type === RTM_DELLINK && message.payload.length >= IFINFOMSG_BYTES) {
    // A bridge tells by another family that it has lost a port, which is still there.
    if (message.payload.readUInt8(0) !== AF_UNSPEC) return null;
    return { kind: 'link-gone', index: message.payload.readInt32LE(4) };
  }
  if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
    const address = decodeAddress(message);
    if (address === null) return null;
    const kind = message.type === RTM_NEWADDR ? 'address' : 'address-gone';
    return { kind, address, by: message.portId };
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
    switchedOn: (flags & IFF_UP) !== 0,
    up: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
  };
}

function decodeAddress({ payload }: NetlinkMessage): InterfaceAddress | null {
  if (payload.length < IFADDRMSG_BYTES) return null;
  const family = payload.readUInt8(0);
  const bytes = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  const attributes = decodeAttributes(payload, IFADDRMSG_BYTES);
  // On point-to-point links IFA_ADDRESS is the peer's.
  const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (local === undefined || bytes === 0 || local.length !== bytes) return null;
  return {
    interfaceIndex: payload.readUInt32LE(4),
    address: readIpAddress(local, 0, bytes),
    prefixLength: payload.readUInt8(1),
    scope: payload.readUInt8(3),
    secondary: (payload.readUInt8(2) & IFA_F_SECONDARY) !== 0,
    permanent: (payload.readUInt8(2) & IFA_F_PERMANENT) !== 0,
  };
}
