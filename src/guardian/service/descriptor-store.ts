/**
 * Listening sockets that the service manager keeps while one guardian follows another (systemd.service(5),
 * FileDescriptorStoreMax=; sd_notify(3), FDSTORE=1). The next one is given them as it starts: their queues never
 * close, and it needs no right to look into the processes that were left (docs/adr/0035).
 */

import { nodeCrypto } from '../../builtins.ts';
import { duplicate } from '../../linux/descriptor-channel.ts';
import { errorName } from '../../linux/errno.ts';
import { closeFd } from '../../linux/files.ts';
import type { Log } from '../log.ts';
import type { ServiceEnvironment } from './environment.ts';
import { NotifySocket } from './notify-socket.ts';

/** Of one datagram; the kernel takes 253 (SCM_MAX_FD). */
const DESCRIPTORS_EACH = 200;
/** systemd's FDNAME_MAX. */
const NAME_MAX = 255;

export class DescriptorStore {
  readonly #socket: NotifySocket | null;
  readonly #log: Log;
  /** What was kept, until it is known who needs it. */
  #left: readonly number[];
  /** Names under which something was kept that this process has not asked for. */
  readonly #unasked: Set<string>;

  /** `environment` null: nobody keeps anything. */
  constructor(environment: ServiceEnvironment | null, log: Log) {
    this.#log = log;
    this.#socket = environment === null ? null : new NotifySocket(environment.socket);
    this.#left = environment?.kept.map(({ fd }) => fd) ?? [];
    this.#unasked = new Set(environment?.kept.map(({ name }) => name) ?? []);
  }

  /**
   * Copies of what was kept of an earlier guardian, which the caller owns: a start may come to nothing, and the next one
   * needs it. Throws SystemError where there is no room for them.
   */
  copies(): readonly number[] {
    return this.#left.map(duplicate);
  }

  /** From now on it keeps these sockets of `place`, any text, and no others, until it is told to forget them. */
  keep(place: string, descriptors: readonly number[]): void {
    const name = nameOf(place);
    this.#unasked.delete(name);
    // An earlier guardian may have had more of them: one that nobody accepts from would take its share of clients.
    this.#forgetName(name);
    for (let start = 0; start < descriptors.length; start += DESCRIPTORS_EACH) {
      const some = descriptors.slice(start, start + DESCRIPTORS_EACH);
      // FDPOLL=0: one that a balancer has shut down listens again, and would be gone from there by then.
      this.#say(`FDSTORE=1\nFDPOLL=0\nFDNAME=${name}\n`, some);
    }
  }

  forget(place: string): void {
    this.#forgetName(nameOf(place));
  }

  /** What it has beside that which it was told to keep since the start is gone, here and there. */
  forgetRest(): void {
    for (const fd of this.#left) closeFd(fd);
    this.#left = [];
    for (const name of this.#unasked) this.#forgetName(name);
    this.#unasked.clear();
  }

  #forgetName(name: string): void {
    this.#say(`FDSTOREREMOVE=1\nFDNAME=${name}\n`);
  }

  #say(text: string, descriptors: readonly number[] = []): void {
    const refused = this.#socket?.send(text, descriptors) ?? 0;
    if (refused === 0) return;
    const why = errorName(refused);
    this.#log(
      'warning',
      `The service manager cannot keep listening sockets for a restart (${why})`,
    );
  }
}

/** A name there is of ASCII without a colon, and no longer than NAME_MAX. */
function nameOf(place: string): string {
  const name = encodeURIComponent(place);
  if (name.length <= NAME_MAX) return name;
  return nodeCrypto().createHash('sha256').update(place).digest('hex');
}
