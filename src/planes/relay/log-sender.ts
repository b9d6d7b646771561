/**
 * Sends the relay's log lines, without ever waiting: a line that its target does not take at once is
 * dropped and counted.
 */

import { writeSync } from 'node:fs';
import type { LogTarget } from '../../config/model/process.ts';
import { ECONNREFUSED } from '../../linux/errno.ts';
import { closeFd } from '../../linux/files.ts';
import { addressOf, pinnedBuffer } from '../../linux/libc.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  encodeSocketAddress,
  openSocket,
  SOCK_DGRAM,
  type SocketAddress,
} from '../../linux/sockets.ts';
import { connectDatagram, send } from '../../linux/stream-calls.ts';
import { CONNECTION_LOG_LEVEL, type LocalTime, syslogHeader } from '../../stats/connection-log.ts';

/** Longest line sent (HAProxy: tune.bufsize aside, `len` of the log directive is 1024). */
const LINE_BYTES_MAX = 1024;

type Outlet = {
  readonly target: LogTarget;
  readonly level: number;
  /** A connected datagram socket; -1: none, or not to be had yet. */
  fd: number;
};

export class LogSender {
  private readonly outlets = new Map<LogTarget, Outlet>();
  private readonly line = pinnedBuffer(LINE_BYTES_MAX);
  private readonly lineAddress = addressOf(this.line);
  private readonly dropped: () => void;
  // The header's time, broken down once per second.
  private second = -1;
  private time: LocalTime = localTime(0);

  /** `dropped` is called for each line a target did not take. */
  constructor(targets: Iterable<LogTarget>, dropped: () => void) {
    this.dropped = dropped;
    this.retarget(targets);
  }

  /** Sends to these from now on. */
  retarget(targets: Iterable<LogTarget>): void {
    this.close();
    for (const target of targets) {
      if (target.levelMax < CONNECTION_LOG_LEVEL) continue;
      const level = Math.max(CONNECTION_LOG_LEVEL, target.levelMin);
      this.outlets.set(target, { target, level, fd: openOutlet(target) });
    }
  }

  /** `wallMs`: now. */
  write(targets: readonly LogTarget[], text: string, wallMs: number): void {
    for (const target of targets) {
      const outlet = this.outlets.get(target);
      if (outlet !== undefined && !this.deliver(outlet, text, wallMs)) this.dropped();
    }
  }

  /** Local time, reckoned once per second. */
  timeAt(wallMs: number): LocalTime {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.time = localTime(wallMs);
    }
    return this.time;
  }

  close(): void {
    for (const { fd } of this.outlets.values()) if (fd !== -1) closeFd(fd);
    this.outlets.clear();
  }

  private deliver(outlet: Outlet, text: string, wallMs: number): boolean {
    const { target } = outlet;
    const line = this.header(outlet, wallMs) + text;
    // Cut lines keep their end of line.
    const length = this.line.write(line, 0, LINE_BYTES_MAX - 1, 'utf8');
    this.line[length] = 0x0a;
    const kind = target.address.kind;
    if (kind === 'stdout' || kind === 'stderr') {
      return writeStream(kind === 'stdout' ? 1 : 2, this.line.subarray(0, length + 1));
    }
    if (outlet.fd === -1) outlet.fd = openOutlet(target);
    if (outlet.fd === -1) return false;
    let sent = send(outlet.fd, this.lineAddress, length + 1);
    // An answer to an earlier line ("port unreachable") is not about this one.
    if (sent === -ECONNREFUSED && kind === 'udp') {
      sent = send(outlet.fd, this.lineAddress, length + 1);
    }
    if (sent > 0) return true;
    // A syslog daemon that restarted has a new socket under its old path.
    if (kind === 'unix') {
      closeFd(outlet.fd);
      outlet.fd = -1;
    }
    return false;
  }

  private header(outlet: Outlet, wallMs: number): string {
    switch (outlet.target.format) {
      case 'rfc3164':
        return syslogHeader(outlet.target.facility, outlet.level, this.timeAt(wallMs), process.pid);
      case 'short':
        return `<${outlet.level}>`;
      case 'raw':
        return '';
    }
  }
}

/** -1 where there is nobody to connect to, e.g. no syslog daemon yet. */
function openOutlet({ address }: LogTarget): number {
  const target = datagramAddress(address);
  if (target === null) return -1;
  const family = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX }[target.kind];
  const fd = openSocket(family, SOCK_DGRAM);
  if (connectDatagram(fd, encodeSocketAddress(target)) === 0) return fd;
  closeFd(fd);
  return -1;
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

function writeStream(fd: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch {
    // EAGAIN of a full pipe, or nobody reads it any more.
    return false;
  }
}

function localTime(wallMs: number): LocalTime {
  const date = new Date(wallMs);
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
  };
}
