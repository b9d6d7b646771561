/** Interfaces that are made, switched and removed: macvlan by rtnetlink(7), ip-link(8). */

import { EEXIST, ENODEV, SystemError } from './errno.ts';
import {
  type Attribute,
  encodeAttributes,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const IFINFOMSG_BYTES = 16;
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
/** Macvlans of one interface do not hear each other. */
const MACVLAN_MODE_PRIVATE = 1;

export type MacvlanSpec = {
  /** At most 15 bytes. */
  readonly name: string;
  readonly mac: Uint8Array;
  /** The interface it is on. */
  readonly baseIndex: number;
};

export class LinkSocket {
  readonly #socket = new NetlinkSocket(0);

  /** Makes it, switched off. False: the name is taken. Throws SystemError. */
  createMacvlan({ name, mac, baseIndex }: MacvlanSpec): boolean {
    const data = encodeAttributes([numberAttribute(IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE)]);
    const info = encodeAttributes([
      { type: IFLA_INFO_KIND, value: Buffer.from('macvlan') },
      { type: IFLA_INFO_DATA, value: data },
    ]);
    const attributes = [
      { type: IFLA_IFNAME, value: Buffer.from(`${name}\0`) },
      numberAttribute(IFLA_LINK, baseIndex),
      { type: IFLA_ADDRESS, value: mac },
      { type: IFLA_LINKINFO, value: info },
    ];
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    try {
      this.#request(RTM_NEWLINK, flags, header(0, 0, 0), attributes, `make interface "${name}"`);
      return true;
    } catch (error) {
      if (error instanceof SystemError && error.errno === EEXIST) return false;
      throw error;
    }
  }

  /** Switches an interface on or off. Throws SystemError. */
  setUp(index: number, up: boolean): void {
    const fixed = header(index, up ? IFF_UP : 0, IFF_UP);
    this.#request(RTM_NEWLINK, NLM_F_ACK, fixed, [], `switch interface ${index}`);
  }

  /** Removes it; one that is gone is as good as removed. Throws SystemError. */
  remove(index: number): void {
    try {
      const fixed = header(index, 0, 0);
      this.#request(RTM_DELLINK, NLM_F_ACK, fixed, [], `remove interface ${index}`);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== ENODEV) throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }

  #request(
    type: number,
    flags: number,
    fixed: Buffer,
    attributes: readonly Attribute[],
    about: string,
  ): void {
    this.#socket.request(type, flags, fixed, attributes, about);
  }
}

/** struct ifinfomsg: family, type, index, flags, and which of them count. */
function header(index: number, flags: number, change: number): Buffer {
  const fixed = Buffer.alloc(IFINFOMSG_BYTES);
  fixed.writeInt32LE(index, 4);
  fixed.writeUInt32LE(flags, 8);
  fixed.writeUInt32LE(change, 12);
  return fixed;
}

function numberAttribute(type: number, number: number): Attribute {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(number);
  return { type, value };
}
