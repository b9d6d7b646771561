/**
 * Sends the balancer's own lines (server events) to the configured log targets. Never waits: a target that
 * is gone or full loses lines, as syslog has it, and the loss is counted.
 */

import { createSocket, type Socket } from 'node:dgram';
import { writeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { LogTarget } from '../../config/model/process.ts';
import { UnixDatagramSender } from '../../linux/datagram.ts';
import { frameMessage } from './syslog-message.ts';

export class LogSender {
  readonly #unix = new Map<string, UnixDatagramSender>();
  #udp4: Socket | null = null;
  #udp6: Socket | null = null;
  #dropped = 0;

  /** Lines lost since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends one line to each target that wants its level (a syslog severity). */
  send(targets: readonly LogTarget[], level: number, text: string): void {
    const now = new Date();
    for (const target of targets) {
      const message = frameMessage(target, level, text, now, process.pid);
      if (message !== null) this.#deliver(target, message);
    }
  }

  /** Opens what the targets need now, while the process may still open it, and closes what they do not. */
  retarget(targets: readonly LogTarget[]): void {
    for (const [path, sender] of this.#unix) {
      if (targets.some(({ address }) => address.kind === 'unix' && address.path === path)) continue;
      sender.close();
      this.#unix.delete(path);
    }
    for (const { address } of targets) {
      if (address.kind === 'udp') this.#udp(address.host);
      if (address.kind === 'unix') this.#unixSender(address.path);
    }
  }

  close(): void {
    this.#udp4?.close();
    this.#udp6?.close();
    for (const sender of this.#unix.values()) sender.close();
    this.#unix.clear();
    this.#udp4 = null;
    this.#udp6 = null;
  }

  #deliver({ address }: LogTarget, message: string): void {
    switch (address.kind) {
      case 'udp':
        this.#udp(address.host).send(message, address.port, address.host, (error) => {
          if (error !== null) this.#dropped++;
        });
        break;
      case 'unix':
        if (this.#unixSender(address.path).send(Buffer.from(message)).kind !== 'sent') {
          this.#dropped++;
        }
        break;
      default:
        try {
          writeSync(address.kind === 'stdout' ? 1 : 2, message);
        } catch {
          this.#dropped++;
        }
    }
  }

  #udp(host: string): Socket {
    if (isIPv6(host)) {
      this.#udp6 ??= this.#openUdp('udp6');
      return this.#udp6;
    }
    this.#udp4 ??= this.#openUdp('udp4');
    return this.#udp4;
  }

  #openUdp(type: 'udp4' | 'udp6'): Socket {
    const socket = createSocket(type);
    socket.unref();
    socket.on('error', () => {
      this.#dropped++;
    });
    return socket;
  }

  #unixSender(path: string): UnixDatagramSender {
    const known = this.#unix.get(path);
    if (known !== undefined) return known;
    const sender = new UnixDatagramSender(path);
    this.#unix.set(path, sender);
    return sender;
  }
}
