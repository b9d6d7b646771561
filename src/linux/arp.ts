/**
 * ARP on one Ethernet interface through a packet socket: packet(7), RFC 826, RFC 5227. Announces addresses
 * (gratuitous ARP), asks whether somebody holds one (ARP probe), and hears who else claims one.
 */

import { assert } from '../core/assert.ts';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../core/bytes.ts';
import { bindRaw, receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { closeFd } from './files.ts';
import { addressOf, pinnedBuffer } from './libc.ts';
import { openSocket, SOCK_RAW, SOL_SOCKET, setOptionBytes } from './sockets.ts';

const AF_PACKET = 17;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV4 = 0x0800;
const HARDWARE_ETHERNET = 1;
const OPERATION_REQUEST = 1;
const SO_ATTACH_FILTER = 26;

const FRAME_BYTES = 42;
/** Sender's protocol address, from the start of the frame. */
const SENDER_ADDRESS_OFFSET = 28;
/** Jumps of the filter are one byte. */
const WATCHED_MAX = 250;

/** Classic BPF (linux/filter.h): load word, jump if equal, return. */
const BPF_LOAD_WORD = 0x20;
const BPF_JUMP_EQUAL = 0x15;
const BPF_RETURN = 0x06;

/** Somebody sent ARP with `address` as its own. */
export type ArpClaim = { readonly address: number; readonly mac: string };

/** 6 bytes each: the address that is announced as the holder's, and the interface's own. */
export type ArpMacs = { readonly announced: Uint8Array; readonly own: Uint8Array };

export class ArpSocket {
  readonly fd: number;
  readonly #macs: ArpMacs;
  readonly #frame = pinnedBuffer(4096);
  readonly #incoming = pinnedBuffer(4096);

  /**
   * Hears claims to `watched` alone (at most 250). Throws SystemError: EPERM without CAP_NET_RAW.
   */
  constructor(interfaceIndex: number, macs: ArpMacs, watched: readonly number[]) {
    assert(macs.own.length === 6 && macs.announced.length === 6, 'ARP runs on Ethernet');
    this.#macs = macs;
    // Protocol 0 hears nothing until bind() names interface and protocol: no frame slips past the filter.
    this.fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      attachFilter(this.fd, watched);
      // struct sockaddr_ll
      const address = Buffer.alloc(20);
      address.writeUInt16LE(AF_PACKET, 0);
      address.writeUInt16BE(ETHERTYPE_ARP, 2);
      address.writeInt32LE(interfaceIndex, 4);
      bindRaw(this.fd, address, `interface ${interfaceIndex}`);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Gratuitous ARP as keepalived sends it: a request for our own address; 0 or the errno. */
  announce(address: number): number {
    this.#fill(this.#macs.announced, address, address);
    this.#frame.fill(0xff, 32, 38);
    return this.#send();
  }

  /** ARP probe (RFC 5227 section 2.1.1): who holds it answers, nobody learns anything; 0 or the errno. */
  probe(address: number): number {
    this.#fill(this.#macs.own, 0, address);
    return this.#send();
  }

  /** The next claim by another MAC address than these; null: none waits. */
  receive(): ArpClaim | null {
    for (;;) {
      const frame = this.#incoming;
      const received = receiveDatagram(this.fd, frame);
      if (received < 0) return null;
      if (received < FRAME_BYTES || readUint16(frame, 12) !== ETHERTYPE_ARP) continue;
      const sender = frame.subarray(22, 28);
      if (sender.equals(this.#macs.own) || sender.equals(this.#macs.announced)) continue;
      return { address: readUint32(frame, SENDER_ADDRESS_OFFSET), mac: formatMac(sender) };
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #fill(mac: Uint8Array, senderAddress: number, targetAddress: number): void {
    const frame = this.#frame;
    frame.fill(0, 0, FRAME_BYTES);
    frame.fill(0xff, 0, 6);
    frame.set(mac, 6);
    writeUint16(frame, 12, ETHERTYPE_ARP);
    writeUint16(frame, 14, HARDWARE_ETHERNET);
    writeUint16(frame, 16, ETHERTYPE_IPV4);
    frame[18] = 6;
    frame[19] = 4;
    writeUint16(frame, 20, OPERATION_REQUEST);
    frame.set(mac, 22);
    writeUint32(frame, SENDER_ADDRESS_OFFSET, senderAddress);
    writeUint32(frame, 38, targetAddress);
  }

  #send(): number {
    const sent = sendDatagram(this.fd, this.#frame, FRAME_BYTES, null);
    return sent < 0 ? -sent : 0;
  }
}

export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Lets frames in whose sender's address is watched, so that a chatty network does not wake us. */
function attachFilter(fd: number, watched: readonly number[]): void {
  assert(watched.length <= WATCHED_MAX, 'the filter can hold the watched addresses');
  const program: [code: number, jumpTrue: number, jumpFalse: number, value: number][] = [
    [BPF_LOAD_WORD, 0, 0, SENDER_ADDRESS_OFFSET],
    ...watched.map((address, index): [number, number, number, number] => [
      BPF_JUMP_EQUAL,
      watched.length - index,
      0,
      address,
    ]),
    [BPF_RETURN, 0, 0, 0],
    [BPF_RETURN, 0, 0, 0xffffffff],
  ];
  // Pinned: the kernel reads it through a pointer.
  const code = pinnedBuffer(4096);
  for (const [index, [operation, jumpTrue, jumpFalse, value]] of program.entries()) {
    code.writeUInt16LE(operation, index * 8);
    code.writeUInt8(jumpTrue, index * 8 + 2);
    code.writeUInt8(jumpFalse, index * 8 + 3);
    code.writeUInt32LE(value, index * 8 + 4);
  }
  // struct sock_fprog: length, padding, pointer.
  const filter = Buffer.alloc(16);
  filter.writeUInt16LE(program.length, 0);
  filter.writeBigUInt64LE(BigInt(addressOf(code)), 8);
  setOptionBytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter);
}
