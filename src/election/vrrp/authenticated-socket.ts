/**
 * Advertisements inside the IP Authentication Header (vrrp/authentication-header.ts), behind the same face
 * as a plain raw socket. Counts sequence numbers and notices replayed ones.
 */

import { nodeCrypto } from '../../builtins.ts';
import type { RawPacket } from '../../linux/raw-socket.ts';
import { Raw4Socket, type Raw4SocketOptions } from '../../linux/raw4-socket.ts';
import {
  AUTHENTICATION_HEADER_BYTES,
  IPPROTO_AH,
  openPacket,
  sealPacket,
} from '../../vrrp/authentication-header.ts';
import type { ReceivedPacket } from '../../vrrp/packet.ts';
import { ReplayWindow } from '../../vrrp/replay-window.ts';

/** 2020-01-01, in seconds. */
const SEQUENCE_EPOCH = 1_577_836_800;
/** More than a master sends: then each start begins above the last. Lasts until 2054. */
const SEQUENCES_PER_SECOND = 4;
/** The identification of an IP header has 16 bits; with 0 the kernel would choose another. */
const IDENTIFICATION_MAX = 0xffff;

export class AuthenticatedSocket {
  readonly #socket: Raw4Socket;
  readonly #digest: (bytes: Uint8Array) => Uint8Array;
  readonly #replays: ReplayWindow;
  readonly #now: () => number;
  #sequence: number;
  #identification = 0;

  /** `now`: milliseconds. `downIntervalMs`: who was silent for longer may count anew. */
  constructor(
    options: Omit<Raw4SocketOptions, 'protocol' | 'headroom'>,
    {
      password,
      downIntervalMs,
      now,
    }: {
      readonly password: string;
      readonly downIntervalMs: number;
      readonly now: () => number;
    },
  ) {
    const headroom = AUTHENTICATION_HEADER_BYTES;
    this.#socket = new Raw4Socket({ ...options, protocol: IPPROTO_AH, headroom });
    const { createHmac } = nodeCrypto();
    this.#digest = (bytes) => createHmac('md5', password).update(bytes).digest();
    this.#replays = new ReplayWindow(downIntervalMs);
    this.#now = now;
    const seconds = Math.floor(Date.now() / 1000) - SEQUENCE_EPOCH;
    this.#sequence = (Math.max(0, seconds) * SEQUENCES_PER_SECOND) >>> 0;
  }

  get fd(): number {
    return this.#socket.fd;
  }

  get outgoing(): Uint8Array {
    return this.#socket.outgoing;
  }

  sendTo(destination: number, length: number): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#identification = (this.#identification % IDENTIFICATION_MAX) + 1;
    return this.#socket.sendTo(destination, length, {
      identification: this.#identification,
      complete: (packet) => sealPacket(packet, this.#sequence, this.#digest),
    });
  }

  receive(): ReceivedPacket | null {
    const packet = this.#socket.receive();
    if (packet === null) return null;
    return { ...packet, ...this.#open(packet) };
  }

  leaveGroup(): void {
    this.#socket.leaveGroup();
  }

  close(): void {
    this.#socket.close();
  }

  #open(packet: RawPacket): Pick<ReceivedPacket, 'message' | 'header'> {
    const opened = openPacket(packet.whole, this.#digest);
    if (!opened.ok) {
      // What is in it is still read, to tell whose it is.
      const message = packet.message.subarray(AUTHENTICATION_HEADER_BYTES);
      return { message, header: 'wrong-digest' };
    }
    const { message, sequence } = opened.value;
    const isNew = this.#replays.take(packet.source, sequence, this.#now());
    return { message, header: isNew ? 'valid' : 'replayed' };
  }
}
