/**
 * Writes the balancer's own lines (server events) to the configured log targets. Never waits: a target that
 * is gone or full loses lines, as syslog has it, and the loss is counted.
 */

import type { LogTarget } from '../config/model/process.ts';
import { addressOf } from '../linux/libc.ts';
import { LocalClock } from '../syslog/local-clock.ts';
import { messageHeader, severityFor } from '../syslog/message.ts';
import { LogOutlet } from '../syslog/outlet.ts';

export class EventLogWriter {
  /** By address: backends name the same targets again and again. */
  readonly #outlets = new Map<string, LogOutlet>();
  readonly #clock = new LocalClock();
  #dropped = 0;

  /** Lines lost since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes one line to each target that wants its level (a syslog severity). */
  write(targets: readonly LogTarget[], level: number, text: string): void {
    const time = this.#clock.at(Date.now());
    for (const target of targets) {
      const severity = severityFor(target, level);
      if (severity === null) continue;
      const header = messageHeader(target, severity, time, process.pid);
      const line = Buffer.from(`${header}${text}\n`);
      const outlet = this.#outlet(target.address);
      if (!outlet.write(line, addressOf(line), line.length)) this.#dropped++;
    }
  }

  /** Opens what the targets need now, while the process may still open it, and closes what they do not. */
  retarget(targets: readonly LogTarget[]): void {
    const wanted = new Set(targets.map(({ address }) => keyOf(address)));
    for (const [key, outlet] of this.#outlets) {
      if (wanted.has(key)) continue;
      outlet.close();
      this.#outlets.delete(key);
    }
    for (const { address } of targets) this.#outlet(address);
  }

  close(): void {
    for (const outlet of this.#outlets.values()) outlet.close();
    this.#outlets.clear();
  }

  #outlet(address: LogTarget['address']): LogOutlet {
    const key = keyOf(address);
    const known = this.#outlets.get(key);
    if (known !== undefined) return known;
    const outlet = new LogOutlet(address);
    this.#outlets.set(key, outlet);
    return outlet;
  }
}

function keyOf(address: LogTarget['address']): string {
  switch (address.kind) {
    case 'udp':
      return `udp ${address.port} ${address.host}`;
    case 'unix':
      return `unix ${address.path}`;
    default:
      return address.kind;
  }
}
