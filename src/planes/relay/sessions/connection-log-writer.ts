/**
 * Writes the relay's lines about connections to the log targets. Runs beside the transfers: it neither waits
 * (a line that its target does not take at once is dropped and counted) nor allocates but for the text.
 */

import type { LogTarget } from '../../../config/model/process.ts';
import type { LocalTime } from '../../../core/local-time.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { CONNECTION_LOG_LEVEL } from '../../../stats/connection-log.ts';
import { LocalClock } from '../../../syslog/local-clock.ts';
import { messageHeader, severityFor } from '../../../syslog/message.ts';
import { LogOutlet } from '../../../syslog/outlet.ts';

/** Longest line sent (HAProxy: tune.bufsize aside, `len` of the log directive is 1024). */
const LINE_BYTES_MAX = 1024;

type Destination = { readonly severity: number; readonly outlet: LogOutlet };

export class ConnectionLogWriter {
  readonly #destinations = new Map<LogTarget, Destination>();
  readonly #line = pinnedBuffer(LINE_BYTES_MAX);
  readonly #lineAddress = addressOf(this.#line);
  readonly #clock = new LocalClock();
  readonly #dropped: () => void;

  /** `dropped` is called for each line a target did not take. */
  constructor(targets: Iterable<LogTarget>, dropped: () => void) {
    this.#dropped = dropped;
    this.retarget(targets);
  }

  /** Writes to these from now on. */
  retarget(targets: Iterable<LogTarget>): void {
    this.close();
    for (const target of targets) {
      const severity = severityFor(target, CONNECTION_LOG_LEVEL);
      if (severity === null || this.#destinations.has(target)) continue;
      this.#destinations.set(target, { severity, outlet: new LogOutlet(target.address) });
    }
  }

  /** `wallMs`: now. */
  write(targets: readonly LogTarget[], text: string, wallMs: number): void {
    for (const target of targets) {
      const destination = this.#destinations.get(target);
      if (destination === undefined) continue;
      const { severity, outlet } = destination;
      const header = messageHeader(target, severity, this.timeAt(wallMs), process.pid);
      // Cut lines keep their end of line.
      const length = this.#line.write(header + text, 0, LINE_BYTES_MAX - 1, 'utf8');
      this.#line[length] = 0x0a;
      if (!outlet.write(this.#line, this.#lineAddress, length + 1)) this.#dropped();
    }
  }

  /** Local time, reckoned once per second. */
  timeAt(wallMs: number): LocalTime {
    return this.#clock.at(wallMs);
  }

  close(): void {
    for (const { outlet } of this.#destinations.values()) outlet.close();
    this.#destinations.clear();
  }
}
