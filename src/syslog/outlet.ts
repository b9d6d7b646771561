/**
 * One place that log lines go to: a syslog daemon behind UDP or a unix datagram socket (unix(7)), or a stream
 * of this process. Never waits: a line that is not taken at once is lost, as syslog has it.
 */

import { writeSync } from 'node:fs';
import type { LogTarget } from '../config/model/process.ts';
import { EAGAIN, ECONNREFUSED, ENOBUFS, SystemError } from '../linux/errno.ts';
import { closeFd } from '../linux/files.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  encodeSocketAddress,
  openSocket,
  SOCK_DGRAM,
  type SocketAddress,
} from '../linux/sockets.ts';
import { connectDatagram, send } from '../linux/stream-calls.ts';

/** Owns a descriptor until close(). */
export class LogOutlet {
  /** Of this process; null: a socket. */
  readonly #stream: 1 | 2 | null;
  readonly #family: number;
  /** In wire form. */
  readonly #address: Buffer | null;
  /** A connected datagram socket; -1: none, or not to be had yet. */
  #fd: number;

  /** Throws TypeError on a path over 107 bytes and on a host that is no address. */
  constructor(address: LogTarget['address']) {
    const target = datagramAddress(address);
    this.#stream = address.kind === 'stdout' ? 1 : address.kind === 'stderr' ? 2 : null;
    this.#family = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX }[target?.kind ?? 'unix'];
    this.#address = target === null ? null : encodeSocketAddress(target);
    this.#fd = this.#open();
  }

  /** False: the line is lost. `bytes` from its start, which is at `start` in memory; nothing is allocated. */
  write(bytes: Buffer, start: number, length: number): boolean {
    if (this.#stream !== null) return writeStream(this.#stream, bytes, length);
    let sent = this.#send(start, length);
    // An answer to an earlier line ("port unreachable") is not about this one.
    if (sent === -ECONNREFUSED && this.#family !== AF_UNIX) sent = this.#send(start, length);
    if (sent > 0) return true;
    if (sent === -EAGAIN || sent === -ENOBUFS) return false;
    // A syslog daemon that restarted has a new socket under its old path; an address may have gone.
    this.close();
    this.#fd = this.#open();
    return this.#send(start, length) > 0;
  }

  close(): void {
    if (this.#fd !== -1) closeFd(this.#fd);
    this.#fd = -1;
  }

  #send(start: number, length: number): number {
    return this.#fd === -1 ? -1 : send(this.#fd, start, length);
  }

  /** -1 where there is nobody to connect to, e.g. no syslog daemon yet, or no descriptor to be had. */
  #open(): number {
    if (this.#address === null) return -1;
    const fd = openDatagram(this.#family);
    if (fd === -1 || connectDatagram(fd, this.#address) === 0) return fd;
    closeFd(fd);
    return -1;
  }
}

function openDatagram(family: number): number {
  try {
    return openSocket(family, SOCK_DGRAM);
  } catch (error) {
    if (error instanceof SystemError) return -1;
    throw error;
  }
}

function datagramAddress(address: LogTarget['address']): SocketAddress | null {
  switch (address.kind) {
    case 'udp': {
      const kind = address.host.includes(':') ? 'ipv6' : 'ipv4';
      return { kind, host: address.host, port: address.port };
    }
    case 'unix':
      return address;
    default:
      return null;
  }
}

function writeStream(fd: number, bytes: Buffer, length: number): boolean {
  try {
    return writeSync(fd, bytes, 0, length) === length;
  } catch {
    // EAGAIN of a full pipe, or nobody reads it any more.
    return false;
  }
}
