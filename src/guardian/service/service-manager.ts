/**
 * What systemd is told of the guardian (sd_notify(3)): that it serves, how it is, that it reloads, stops, lives. One
 * datagram each, never waited for: what is not taken at once is said again at the next turn of a loop.
 */

import { errorName } from '../../linux/errno.ts';
import type { Log } from '../log.ts';
import type { ServiceEnvironment } from './environment.ts';
import { NotifySocket } from './notify-socket.ts';
import { type GuardianLoop, Watchdog } from './watchdog.ts';

/** systemd reads no more of one (sd_notify(3) names no limit; its buffer is a page). */
const MESSAGE_CHARACTERS_MAX = 2048;

export class ServiceManager {
  readonly #socket: NotifySocket | null;
  readonly #watchdogMs: number | null;
  readonly #log: Log;
  /** What is yet to be said, by variable. */
  readonly #owed = new Map<string, string>();
  #watchdog: Watchdog | null = null;
  #status = '';
  #reloads = 0;
  #isMute = false;

  /** `environment` null: there is no service manager, and nothing is said. */
  constructor(environment: ServiceEnvironment | null, log: Log) {
    this.#log = log;
    this.#watchdogMs = environment?.watchdogMs ?? null;
    this.#socket = environment === null ? null : new NotifySocket(environment.socket);
  }

  /** The node serves. From now on the watchdog is fed as long as these loops turn. */
  ready(loops: readonly GuardianLoop[]): void {
    if (this.#watchdogMs !== null) this.#watchdog = new Watchdog(this.#watchdogMs, loops);
    this.#say('READY', '1');
  }

  /** A line for `systemctl status`; the same one again costs nothing. */
  status(text: string): void {
    const line = text.replaceAll('\n', ' ');
    if (line === this.#status) return;
    this.#status = line;
    this.#say('STATUS', line);
  }

  /** A start that is not ready yet has this long from now on, in ms, whatever the unit says. */
  extendStart(ms: number): void {
    this.#say('EXTEND_TIMEOUT_USEC', String(Math.round(ms * 1000)));
  }

  /** For the time of `work` it reloads. Settles as `work` does. */
  async reload<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#reloads += 1;
    // The clock that systemd compares it with is that of performance.now(), with another beginning.
    const monotonicUs = process.hrtime.bigint() / 1000n;
    if (this.#reloads === 1) {
      this.#say('RELOADING', `1\nMONOTONIC_USEC=${monotonicUs}`);
    }
    try {
      return await work();
    } finally {
      this.#reloads -= 1;
      if (this.#reloads === 0) this.#say('READY', '1');
    }
  }

  stopping(): void {
    this.#watchdog = null;
    this.#say('STOPPING', '1');
  }

  turned(loop: GuardianLoop): void {
    const isDue = this.#watchdog?.turned(loop, performance.now()) ?? false;
    if (isDue) this.#say('WATCHDOG', '1');
    else if (this.#owed.size > 0) this.#flush();
  }

  #say(name: string, value: string): void {
    if (this.#socket === null) return;
    // The last one counts, as with assignments of a shell.
    if (name === 'READY') this.#owed.delete('RELOADING');
    this.#owed.set(name, value);
    this.#flush();
  }

  #flush(): void {
    const lines = [...this.#owed].map(([name, value]) => `${name}=${value}`);
    const refused =
      this.#socket?.send(`${lines.join('\n')}\n`.slice(0, MESSAGE_CHARACTERS_MAX)) ?? 0;
    if (refused === 0) {
      this.#owed.clear();
      this.#isMute = false;
      return;
    }
    if (this.#isMute) return;
    this.#isMute = true;
    this.#log('warning', `The service manager cannot be told how we are (${errorName(refused)})`);
  }
}
