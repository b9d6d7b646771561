/**
 * Accepts clients from this relay's listeners, in bounded batches. Where a limit is reached the listener
 * leaves the event queue and its clients wait in the kernel's; it comes back when there is room.
 */

import { EPOLLIN } from '../../../linux/epoll.ts';
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../../../linux/errno.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';
import {
  acceptConnection,
  closeStream,
  lastAddress,
  resetOnClose,
  setLiveness,
} from '../../../linux/stream-calls.ts';
import { connectionsLimit } from '../capacity.ts';
import type { RelayListener } from '../messages.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Frontend } from '../routes/routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { ROLE_LISTENER } from '../sessions/socket-table.ts';
import { STREAM_EVENTS } from './connector.ts';
import type { Opening } from './opening.ts';

/** Clients taken from one listener per turn, at most. */
const BATCH_MAX = 64;
/** How long accepting rests after descriptors ran out. */
const PAUSE_MS = 100;

type Listener = {
  readonly fd: number;
  readonly generation: number;
  frontend: Frontend;
  /** In the event queue now. */
  listening: boolean;
  // Grows while the queue is never found empty, so that a lone client costs no accept that fails.
  batch: number;
};

export class Acceptor {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #opening: Opening;
  /** Over all frontends and relays. */
  #connectionsMax: number;
  #listeners: Listener[] = [];
  /** The client's address as 16 bytes. */
  readonly #source = new Uint8Array(16);
  #paused = true;
  /** ms; 0: accepting. */
  #restUntil = 0;

  constructor(context: RelayContext, sessions: Sessions, opening: Opening) {
    this.#context = context;
    this.#sessions = sessions;
    this.#opening = opening;
    this.#connectionsMax = connectionsMax(context);
  }

  /** Takes a listener on, for begin(); its descriptor stays the caller's. */
  listen({ fd, frontend: index }: RelayListener): void {
    const frontend = this.#context.routes.frontends[index];
    if (frontend === undefined) return;
    const generation = this.#context.table.open(fd, ROLE_LISTENER, 0);
    // Every socket accepted from it has the same.
    setLiveness(fd, frontend.liveness);
    this.#listeners.push({ fd, generation, frontend, listening: false, batch: 1 });
  }

  /** The routes have changed: listeners that stay keep their sockets and what waits in their queues. */
  relisten(wanted: readonly RelayListener[]): void {
    this.#connectionsMax = connectionsMax(this.#context);
    const before = this.#listeners;
    this.#listeners = [];
    for (const listener of before) {
      if (wanted.some(({ fd }) => fd === listener.fd)) continue;
      this.#suspend(listener);
      this.#context.table.forget(listener.fd);
    }
    for (const { fd, frontend: index } of wanted) {
      const listener = before.find((one) => one.fd === fd);
      const frontend = this.#context.routes.frontends[index];
      if (listener === undefined) this.listen({ fd, frontend: index });
      else if (frontend !== undefined) {
        listener.frontend = frontend;
        setLiveness(fd, frontend.liveness);
        this.#listeners.push(listener);
      }
    }
    this.resumeWhereRoom(this.#context.clock.now);
  }

  /** Starts accepting. What waited in the kernel's queue comes first. */
  begin(): void {
    this.#paused = false;
    this.#context.reserve.refill();
    this.resumeWhereRoom(this.#context.clock.now);
  }

  /** A listener is readable. */
  accept(fd: number): void {
    const listener = this.#listeners.find((one) => one.fd === fd);
    if (listener === undefined || !listener.listening) return;
    for (let count = 0; count < listener.batch; count++) {
      if (!this.#hasRoom(listener.frontend)) {
        this.#suspend(listener);
        return;
      }
      if (!this.#context.reserve.refill()) {
        this.#rest();
        return;
      }
      const client = acceptConnection(fd);
      if (client < 0) {
        listener.batch = 1;
        if (isShortage(client)) this.#rest();
        // Anything else but EAGAIN is about one client that has gone again.
        if (client === -EAGAIN || isShortage(client)) return;
        continue;
      }
      if (client >= this.#context.table.size) {
        closeStream(client);
        this.#rest();
        return;
      }
      this.#admit(client, listener.frontend);
    }
    listener.batch = Math.min(listener.batch * 2, BATCH_MAX);
  }

  /** Called once per turn: listeners come back when there is room or the rest is over. */
  resumeWhereRoom(now: number): void {
    if (this.#paused || this.#restUntil > now) return;
    this.#restUntil = 0;
    for (const listener of this.#listeners) {
      if (!listener.listening && this.#hasRoom(listener.frontend)) this.#resume(listener);
    }
  }

  /** Stops accepting for good. */
  pause(): void {
    this.#paused = true;
    for (const listener of this.#listeners) this.#suspend(listener);
  }

  #admit(client: number, frontend: Frontend): void {
    if ((frontend.rules !== null || frontend.rate !== null) && !this.#isWelcome(frontend)) {
      this.#context.counters.add(frontend.counters.connectionsDenied, 1);
      resetOnClose(client);
      closeStream(client);
      return;
    }
    const generation = this.#sessions.open(client, frontend);
    if (!this.#context.queue.add(client, generation, STREAM_EVENTS)) {
      this.#sessions.close(client, 'SC', 'reset');
      this.#rest();
      return;
    }
    this.#opening.begin(client, frontend);
  }

  /** Of the client whose address is in lastAddress; one on a unix socket always is. */
  #isWelcome({ rules, rate }: Frontend): boolean {
    if (!readSource(this.#source)) return true;
    if (rules !== null && !rules.allows(this.#source)) return false;
    return rate === null || rate.admits(this.#source, this.#context.clock.now);
  }

  #hasRoom(frontend: Frontend): boolean {
    const { counters } = this.#context;
    if (counters.sum(this.#context.routes.relay.connectionsCurrent) >= this.#connectionsMax)
      return false;
    const max = frontend.config.connectionsMax;
    return max === 0 || counters.sum(frontend.counters.connectionsCurrent) < max;
  }

  #rest(): void {
    this.#restUntil = this.#context.clock.now + PAUSE_MS;
    this.#context.counters.add(this.#context.routes.relay.acceptPauses, 1);
    for (const listener of this.#listeners) this.#suspend(listener);
  }

  #suspend(listener: Listener): void {
    if (!listener.listening) return;
    this.#context.queue.remove(listener.fd);
    listener.listening = false;
  }

  #resume(listener: Listener): void {
    listener.listening = this.#context.queue.add(listener.fd, listener.generation, EPOLLIN);
  }
}

function connectionsMax({ routes, filesMax, relays }: RelayContext): number {
  return connectionsLimit(routes.config, filesMax, relays);
}

/** Takes the IP address in lastAddress as 16 bytes, IPv4 in its mapped form. False: there is none. */
export function readSource(into: Uint8Array): boolean {
  const family = lastAddress[0] ?? 0;
  if (family === AF_INET) {
    into.set(lastAddress.subarray(4, 8), 12);
    into[10] = 0xff;
    into[11] = 0xff;
    into.fill(0, 0, 10);
  } else if (family === AF_INET6) into.set(lastAddress.subarray(8, 24));
  else return false;
  return true;
}

/** Descriptors or memory have run out: trying again at once would only spin. */
function isShortage(result: number): boolean {
  return result === -EMFILE || result === -ENFILE || result === -ENOBUFS || result === -ENOMEM;
}
