/**
 * Accepts clients from this relay's listeners, in bounded batches. Where a limit is reached the listener
 * leaves the event queue and its clients wait in the kernel's; it comes back when there is room.
 */

import { EPOLLIN } from '../../../linux/epoll.ts';
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../../../linux/errno.ts';
import {
  acceptConnection,
  closeStream,
  resetOnClose,
  setLiveness,
} from '../../../linux/stream-calls.ts';
import { connectionsLimit } from '../capacity.ts';
import type { RelayListener } from '../messages.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Frontend } from '../routes/routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { ROLE_LISTENER } from '../sessions/socket-table.ts';
import type { Admission } from './admission.ts';
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
  readonly #admission: Admission;
  readonly #opening: Opening;
  /** Over all frontends and relays. */
  #connectionsMax: number;
  #listeners: Listener[] = [];
  #paused = true;
  /** ms; 0: accepting. */
  #restUntil = 0;

  constructor(context: RelayContext, sessions: Sessions, admission: Admission, opening: Opening) {
    this.#context = context;
    this.#sessions = sessions;
    this.#admission = admission;
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
    const judged = frontend.connectionRules.length > 0 || frontend.rate !== null;
    if (judged && !this.#admission.welcomes(client, frontend)) {
      this.#sessions.deny(frontend);
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

/** Descriptors or memory have run out: trying again at once would only spin. */
function isShortage(result: number): boolean {
  return result === -EMFILE || result === -ENFILE || result === -ENOBUFS || result === -ENOMEM;
}
