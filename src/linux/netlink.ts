/**
 * Messages and sockets of netlink: netlink(7), rtnetlink(7). What they are used for stands in
 * netlink-route.ts and nftables.ts. Numbers are in the byte order of the machine, little-endian on all we support.
 */

import { bindRaw, receiveDatagram, sendDatagram } from './datagram-calls.ts';
import { EAGAIN, EIO, ENOBUFS, SystemError } from './errno.ts';
import { closeFd } from './files.ts';
import { pinnedBuffer, unpin } from './libc.ts';
import { openSocket, SOCK_RAW } from './sockets.ts';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
const HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

/** The kernel never sends a part of a dump longer than this. */
const RECEIVE_BYTES = 1 << 16;
/** Messages of one answer at most; a machine with more addresses has other troubles. */
const ANSWER_PARTS_MAX = 10_000;

/** One for all: it is given out thousands of times. */
const NOTHING: readonly NetlinkMessage[] = [];

export type Attribute = { readonly type: number; readonly value: Uint8Array };
export type NetlinkMessage = {
  /** nlmsg_pid: who asked for what it tells; 0: the kernel. */
  readonly portId: number;
  readonly type: number;
  /** After the header: the fixed structure, then attributes. */
  readonly payload: Buffer;
};

/** One request: header, fixed structure, attributes, each padded to 4 bytes. */
export function encodeMessage(
  type: number,
  flags: number,
  sequence: number,
  fixed: Uint8Array,
  attributes: readonly Attribute[],
): Buffer {
  const message = Buffer.concat([
    new Uint8Array(HEADER_BYTES),
    fixed,
    encodeAttributes(attributes),
  ]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  return message;
}

/** Attributes in a row, as they stand in a message or nested in an attribute. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { type, value } of attributes) {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(4 + value.length, 0);
    head.writeUInt16LE(type, 2);
    parts.push(head, value, new Uint8Array(padding(value.length)));
  }
  return Buffer.concat(parts);
}

/** The messages in one datagram; a cut one ends the list. Views into `bytes`. */
export function decodeMessages(bytes: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(offset);
    if (length < HEADER_BYTES || offset + length > bytes.length) break;
    messages.push({
      type: bytes.readUInt16LE(offset + 4),
      portId: bytes.readUInt32LE(offset + 12),
      payload: bytes.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += length + padding(length);
  }
  return messages;
}

/** Attributes by type, from `offset` on; a cut one ends the list. Views into `payload`. */
export function decodeAttributes(payload: Buffer, offset: number): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  let at = offset;
  while (at + 4 <= payload.length) {
    const length = payload.readUInt16LE(at);
    if (length < 4 || at + length > payload.length) break;
    // The two upper bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
    attributes.set(payload.readUInt16LE(at + 2) & 0x3fff, payload.subarray(at + 4, at + length));
    at += length + padding(length);
  }
  return attributes;
}

/** struct nlmsgerr: the errno, 0 for an acknowledgement; EIO where it is cut. Never throws. */
export function decodeError({ payload }: NetlinkMessage): number {
  return payload.length < 4 ? EIO : -payload.readInt32LE(0);
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

/** A socket for requests, or with `groups` (RTMGRP_*) for news from the kernel; of rtnetlink unless said. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #incoming = pinnedBuffer(RECEIVE_BYTES);
  #sequence = 0;

  constructor(groups: number, protocol = NETLINK_ROUTE) {
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, protocol);
    try {
      // struct sockaddr_nl; port id 0: the kernel chooses one.
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK, 0);
      address.writeUInt32LE(groups, 8);
      bindRaw(this.fd, address, 'netlink');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Sends a request and returns the answer without its last, acknowledging message. The kernel answers
   * before sendto() returns, so nothing is waited for. Throws SystemError with the kernel's errno.
   */
  request(
    type: number,
    flags: number,
    fixed: Uint8Array,
    attributes: readonly Attribute[],
    about: string,
  ): readonly NetlinkMessage[] {
    this.#sequence += 1;
    const message = encodeMessage(type, flags | NLM_F_REQUEST, this.#sequence, fixed, attributes);
    const sent = sendDatagram(this.fd, message, message.length, null);
    if (sent < 0) throw new SystemError('sendto', -sent, about);
    const answer: NetlinkMessage[] = [];
    for (let parts = 0; parts < ANSWER_PARTS_MAX; parts += 1) {
      const received = receiveDatagram(this.fd, this.#incoming);
      if (received < 0) throw new SystemError('recv', -received, about);
      // Copied: the next part overwrites the buffer.
      for (const part of decodeMessages(Buffer.from(this.#incoming.subarray(0, received)))) {
        if (part.type === NLMSG_DONE) return answer;
        if (part.type !== NLMSG_ERROR) {
          answer.push(part);
          continue;
        }
        const error = decodeError(part);
        if (error !== 0) throw new SystemError('netlink request', error, about);
        return answer;
      }
    }
    throw new SystemError('netlink request', ENOBUFS, about);
  }

  /** Begins a list that may be too long for one go; nextPart() reads it. Throws SystemError. */
  beginDump(type: number, fixed: Uint8Array, about: string): void {
    this.#sequence += 1;
    const message = encodeMessage(type, NLM_F_DUMP | NLM_F_REQUEST, this.#sequence, fixed, []);
    const sent = sendDatagram(this.fd, message, message.length, null);
    if (sent < 0) throw new SystemError('sendto', -sent, about);
  }

  /** Some of the list that was begun, good until the next call; null: that was all. Throws SystemError. */
  nextPart(about: string): readonly NetlinkMessage[] | null {
    const received = receiveDatagram(this.fd, this.#incoming);
    if (received < 0) throw new SystemError('recv', -received, about);
    const parts = decodeMessages(this.#incoming.subarray(0, received));
    const [first] = parts;
    if (first?.type === NLMSG_ERROR) {
      throw new SystemError('netlink request', decodeError(first), about);
    }
    if (parts.at(-1)?.type !== NLMSG_DONE) return parts;
    return parts.length === 1 ? null : parts.slice(0, -1);
  }

  /** News that wait; null when some were lost (ENOBUFS) and the caller must look for itself. */
  receiveNews(): readonly NetlinkMessage[] | null {
    const received = receiveDatagram(this.fd, this.#incoming);
    if (received === -EAGAIN) return NOTHING;
    if (received < 0) return null;
    return decodeMessages(Buffer.from(this.#incoming.subarray(0, received)));
  }

  close(): void {
    closeFd(this.fd);
    unpin(this.#incoming);
  }
}
