/**
 * The listening sockets that a guardian which was killed has left, with the service manager or in its balancer. The next
 * guardian goes on with the very same ones: their queues never close, so no client is refused between the two.
 */

import { readdirSync, readlinkSync } from 'node:fs';
import { closeFd } from '../../linux/files.ts';
import { type Listening, whatListens } from '../../linux/listening.ts';
import { withProcess } from '../../linux/pidfd.ts';
import { encodeSocketAddress } from '../../linux/sockets.ts';

/** Descriptors looked at; a balancer with more connections than that is not searched to its end. */
const DESCRIPTORS_MAX = 1 << 20;

type LeftSocket = { readonly key: string; readonly fd: number };

export class LeftSockets {
  readonly #sockets: LeftSocket[];

  private constructor(sockets: LeftSocket[]) {
    this.#sockets = sockets;
  }

  static none(): LeftSockets {
    return new LeftSockets([]);
  }

  /** Of these descriptors, which are ours, those that listen; the others are closed. */
  static among(descriptors: readonly number[]): LeftSockets {
    return new LeftSockets(descriptors.flatMap(asLeft));
  }

  /** Duplicates all of the process, whatever it is doing. Throws SystemError; nothing is left open then. */
  static of(pid: number): LeftSockets {
    const sockets: LeftSocket[] = [];
    try {
      withProcess(pid, (duplicate) => {
        for (const theirs of socketsOf(pid)) {
          const fd = duplicate(theirs);
          if (fd !== null) sockets.push(...asLeft(fd));
        }
      });
      return new LeftSockets(sockets);
    } catch (error) {
      new LeftSockets(sockets).close();
      throw error;
    }
  }

  get count(): number {
    return this.#sockets.length;
  }

  /** Those that listen there; the caller owns them now. */
  claim(place: Listening): readonly number[] {
    const key = keyOf(place);
    const claimed: number[] = [];
    for (let index = this.#sockets.length - 1; index >= 0; index -= 1) {
      const socket = this.#sockets[index];
      if (socket?.key !== key) continue;
      claimed.unshift(socket.fd);
      this.#sockets.splice(index, 1);
    }
    return claimed;
  }

  /** Closes those that nobody claimed. */
  close(): void {
    for (const { fd } of this.#sockets.splice(0)) closeFd(fd);
  }
}

/** None where it does not listen, and then it is closed. */
function asLeft(fd: number): readonly LeftSocket[] {
  const listening = whatListens(fd);
  if (listening !== null) return [{ key: keyOf(listening), fd }];
  closeFd(fd);
  return [];
}

/** One descriptor of each socket the process has open. */
function socketsOf(pid: number): readonly number[] {
  const found = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fd`).slice(0, DESCRIPTORS_MAX)) {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (target.startsWith('socket:')) found.set(target, Number(fd));
    } catch {
      // A connection that ended meanwhile.
    }
  }
  return [...found.values()];
}

function keyOf({ address, v6only, interfaceName }: Listening): string {
  return JSON.stringify([encodeSocketAddress(address).toString('hex'), v6only, interfaceName]);
}
