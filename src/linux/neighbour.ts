/**
 * Unsolicited Neighbor Advertisements (RFC 4861 section 4.4) on one Ethernet interface through a packet
 * socket: for IPv6 what gratuitous ARP is for IPv4. The socket hears nothing.
 */

import { assert } from '../core/assert.ts';
import { writeUint16 } from '../core/bytes.ts';
import { foldChecksum, sumWords } from '../core/checksum.ts';
import { type IpAddress, isIpv6Address, writeIpAddress } from '../core/ip-address.ts';
import { bindRaw, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer } from './libc.ts';
import { openSocket, SOCK_RAW } from './sockets.ts';

const AF_PACKET = 17;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
const TYPE_NEIGHBOR_ADVERTISEMENT = 136;
const FLAG_OVERRIDE = 0x20;
const OPTION_TARGET_LINK_ADDRESS = 2;
const HOP_LIMIT = 255;
/** ff02::1, and the Ethernet group it maps to (RFC 2464 section 7). */
const ALL_NODES = 0xff020000000000000000000000000001n;
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const ICMP_OFFSET = 14 + 40;
const ICMP_BYTES = 32;
const FRAME_BYTES = ICMP_OFFSET + ICMP_BYTES;

export class NeighbourSocket {
  readonly #fd: number;
  readonly #frame = pinnedBuffer(4096);

  /** `mac`: the interface's 6 bytes. Throws SystemError: EPERM without CAP_NET_RAW. */
  constructor(interfaceIndex: number, mac: Uint8Array) {
    assert(mac.length === 6, 'Neighbor Discovery runs on Ethernet');
    fillFrame(this.#frame, mac);
    // Protocol 0 receives nothing.
    this.#fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      // struct sockaddr_ll
      const address = Buffer.alloc(20);
      address.writeUInt16LE(AF_PACKET, 0);
      address.writeInt32LE(interfaceIndex, 4);
      bindRaw(this.#fd, address, `interface ${interfaceIndex}`);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
  }

  /** Tells everybody that the address is here; 0 or the errno. */
  announce(address: IpAddress): number {
    assert(isIpv6Address(address), 'IPv4 addresses are announced by ARP');
    const frame = this.#frame;
    writeIpAddress(frame, 14 + 8, address);
    writeIpAddress(frame, ICMP_OFFSET + 8, address);
    writeUint16(frame, ICMP_OFFSET + 2, 0);
    // The pseudo-header (RFC 8200 section 8.1): addresses, length, protocol.
    const pseudo = sumWords(frame, 14 + 8, 14 + 40) + ICMP_BYTES + IPPROTO_ICMPV6;
    const sum = sumWords(frame, ICMP_OFFSET, FRAME_BYTES, pseudo);
    writeUint16(frame, ICMP_OFFSET + 2, foldChecksum(sum));
    const sent = sendDatagram(this.#fd, frame, FRAME_BYTES, null);
    return sent < 0 ? -sent : 0;
  }

  close(): void {
    closeFd(this.#fd);
  }
}

/** All that is the same for every address. */
function fillFrame(frame: Buffer, mac: Uint8Array): void {
  frame.set(ALL_NODES_MAC, 0);
  frame.set(mac, 6);
  writeUint16(frame, 12, ETHERTYPE_IPV6);
  frame[14] = 0x60;
  writeUint16(frame, 14 + 4, ICMP_BYTES);
  frame[14 + 6] = IPPROTO_ICMPV6;
  frame[14 + 7] = HOP_LIMIT;
  writeIpAddress(frame, 14 + 24, ALL_NODES);
  frame[ICMP_OFFSET] = TYPE_NEIGHBOR_ADVERTISEMENT;
  frame[ICMP_OFFSET + 4] = FLAG_OVERRIDE;
  // Length in units of 8 bytes.
  frame.set([OPTION_TARGET_LINK_ADDRESS, 1, ...mac], ICMP_OFFSET + 24);
}
