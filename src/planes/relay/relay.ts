/**
 * One relay: a blocking epoll loop that accepts clients, finds each a server and moves the bytes
 * between them. It decides alone; the main thread only publishes snapshots and orders.
 *
 * Everything runs on one thread and to completion. An event names a descriptor and its generation, so
 * one that was fetched before its descriptor changed hands is recognised and dropped.
 */

import type { TrafficSnapshot } from '../../balance/snapshot.ts';
import {
  clearWakeup,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from '../../linux/epoll.ts';
import { clearCounters } from './counting/clear-counters.ts';
import type { MainToRelay, RelayOrder, RelayStart } from './messages.ts';
import { Acceptor } from './opening/acceptor.ts';
import { Admission } from './opening/admission.ts';
import { Opening } from './opening/opening.ts';
import { buildRelayContext, type RelayContext, type RelayReports } from './relay-context.ts';
import { reconfigure } from './routes/reconfigure.ts';
import { applyBackend } from './routes/routes.ts';
import { chosenBackend, serverOf } from './sessions/session-routes.ts';
import { Sessions } from './sessions/sessions.ts';
import { Shedder } from './sessions/shedder.ts';
import {
  FIN_WAITS,
  HUNG_UP,
  PHASE_OPEN,
  READABLE,
  ROLE_CLIENT,
  ROLE_LISTENER,
  ROLE_SERVER,
  ROLE_WAKEUP,
  WRITABLE,
} from './sessions/socket-table.ts';
import { TICK_MS } from './sessions/timing-wheel.ts';
import { Streams } from './transfer/streams.ts';

/** Sessions visited from one beat to the next, where all of them are. */
const SESSIONS_PER_BEAT = 256;

const TROUBLE = EPOLLERR | EPOLLHUP;
const READ_EVENTS = EPOLLIN | EPOLLRDHUP | TROUBLE;

export class Relay {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #streams: Streams;
  readonly #admission: Admission;
  readonly #opening: Opening;
  readonly #acceptor: Acceptor;
  readonly #shedder: Shedder;
  #messagesWait = false;

  /** `now`: ms on the relay's clock. */
  constructor(start: RelayStart, now: number, reports: RelayReports) {
    const context = buildRelayContext(start, now, reports);
    this.#context = context;
    this.#sessions = new Sessions(context);
    this.#streams = new Streams(context, this.#sessions);
    this.#admission = new Admission(context, this.#sessions);
    this.#opening = new Opening(context, this.#sessions, this.#streams, this.#admission);
    this.#acceptor = new Acceptor(context, this.#sessions, this.#admission, this.#opening);
    this.#shedder = new Shedder(context, this.#sessions);
    const { table, queue } = context;
    queue.add(start.wakeFd, table.open(start.wakeFd, ROLE_WAKEUP, now), EPOLLIN);
    for (const listener of start.listeners) this.#acceptor.listen(listener);
    if (start.accepting) this.#acceptor.begin();
  }

  /** How long the next turn may wait, ms: `idleMs` unless work is left over. */
  patience(idleMs: number): number {
    if (this.#streams.hasLeftOver) return 0;
    return this.#opening.hurried ? Math.min(idleMs, TICK_MS) : idleMs;
  }

  /** Waits for events. The caller reads its clock afterwards and calls turn(). */
  wait(timeoutMs: number): number {
    return this.#context.queue.wait(timeoutMs);
  }

  /** One turn over `count` fetched events. Returns whether messages wait for this thread. */
  turn(count: number, now: number): boolean {
    const { table, routes, counters, clock, queue, wheel } = this.#context;
    clock.now = now;
    this.#messagesWait = false;
    counters.add(routes.relay.loops, 1);
    this.#streams.resumeLeftOver();
    for (let index = 0; index < count; index++) {
      const fd = queue.fdAt(index);
      if (table.generation[fd] !== queue.generationAt(index)) continue;
      this.#dispatch(fd, queue.eventsAt(index));
    }
    wheel.advance(now, this.#due);
    this.#opening.serveLines();
    this.#acceptor.resumeWhereRoom(now);
    return this.#messagesWait;
  }

  /** Does what one message says. Returns the number of sessions that a new configuration ended. */
  handle(message: Exclude<MainToRelay, { kind: 'stop' | 'settle-rights' }>): number {
    switch (message.kind) {
      case 'snapshot':
        this.#applySnapshot(message.snapshot);
        return 0;
      case 'shutdown-sessions':
        this.#shutdownSessions(message.backend, message.server);
        return 0;
      case 'reconfigure':
        return this.#reconfigure(message);
      case 'relisten':
        this.#acceptor.relisten(message.listeners);
        return 0;
      case 'move-session':
        this.#moveSession(message);
        return 0;
      case 'clear-counters':
        clearCounters(this.#context.counters, this.#context.routes.layout, message.all);
        return 0;
      case 'accept':
        this.#acceptor.begin();
        return 0;
      case 'pause':
        this.#acceptor.pause();
        return 0;
    }
  }

  /** Closes every session and descriptor of its own; listeners stay the caller's. */
  close(): void {
    this.#acceptor.pause();
    const { table, pipes, reserve, logs, queue } = this.#context;
    for (let fd = 0; fd <= table.highest; fd++) {
      if (table.role[fd] === ROLE_CLIENT) this.#sessions.close(fd, 'KD', 'reset');
    }
    pipes.closeAll();
    reserve.give();
    logs.close();
    queue.close();
  }

  #applySnapshot({ backends }: TrafficSnapshot): void {
    const { routes, relay } = this.#context;
    for (const backend of routes.backends) {
      const snapshot = backends[backend.index];
      if (snapshot !== undefined) applyBackend(backend, snapshot, relay);
    }
  }

  /** Those that flow are cut; those that no server has answered go to another one. */
  #shutdownSessions(backendName: string, serverName: string): void {
    const { table, routes } = this.#context;
    const backend = routes.backends.find(({ config }) => config.name === backendName);
    const server = backend?.servers.find(({ config }) => config.name === serverName);
    if (server === undefined) return;
    this.#eachSession((session) => {
      if (chosenBackend(this.#context, session) !== backend) return;
      if (table.phase[session] !== PHASE_OPEN) this.#opening.leave(session, server);
      else if (serverOf(this.#context, session) === server) {
        this.#sessions.close(session, 'KD', 'reset');
      }
    });
  }

  /** Ten thousand take a tenth of a second: whoever watches this loop must see that it lives. */
  readonly #eachSession = (visit: (session: number) => void): void => {
    const { table, beat } = this.#context;
    let visited = 0;
    for (let fd = 0; fd <= table.highest; fd++) {
      if (table.role[fd] !== ROLE_CLIENT) continue;
      visited++;
      if (visited % SESSIONS_PER_BEAT === 0) beat();
      visit(fd);
    }
  };

  /** Other relays may have ended some meanwhile: the sum over all decides. */
  #moveSession(order: Extract<MainToRelay, { kind: 'move-session' }>): void {
    const { routes, counters } = this.#context;
    const server = routes.backends[order.backend]?.servers[order.server];
    if (server === undefined) return;
    if (counters.sum(server.counters.sessionsCurrent) <= order.keep) return;
    const done = this.#shedder.shed(order.backend, server, order.acceptedBefore);
    if (done) counters.add(server.counters.rebalanced, 1);
  }

  #reconfigure(order: RelayOrder): number {
    const parts = {
      sessions: this.#sessions,
      admission: this.#admission,
      opening: this.#opening,
      eachSession: this.#eachSession,
    };
    const ended = reconfigure(this.#context, parts, order);
    this.#context.logs.retarget(order.config.frontends.flatMap(({ log }) => log.targets));
    this.#acceptor.relisten(order.listeners);
    return ended;
  }

  #dispatch(fd: number, events: number): void {
    switch (this.#context.table.role[fd]) {
      case ROLE_LISTENER:
        this.#acceptor.accept(fd);
        return;
      case ROLE_CLIENT:
      case ROLE_SERVER:
        this.#dispatchStream(fd, events);
        return;
      case ROLE_WAKEUP:
        clearWakeup(fd);
        this.#messagesWait = true;
        return;
      default:
        return;
    }
  }

  #dispatchStream(fd: number, events: number): void {
    const { table } = this.#context;
    let flags = table.flags[fd] ?? 0;
    if ((events & READ_EVENTS) !== 0) flags |= READABLE;
    if ((events & (EPOLLRDHUP | TROUBLE)) !== 0) flags |= HUNG_UP;
    // Only a mark of urgent data (tcp(7)) cuts a read short before the end.
    if ((events & (EPOLLRDHUP | EPOLLPRI | EPOLLERR)) === EPOLLRDHUP) flags |= FIN_WAITS;
    if ((events & EPOLLOUT) !== 0) flags |= WRITABLE;
    table.flags[fd] = flags;
    const session = table.sessionOf(fd);
    if (table.phase[session] === PHASE_OPEN) this.#streams.event(fd, events);
    else this.#opening.event(fd, session, events);
  }

  /** A session's slot in the wheel came up. */
  readonly #due = (session: number): void => {
    const { table, wheel, clock } = this.#context;
    const { deadlines } = this.#sessions;
    const deadline = deadlines.of(session);
    if (deadline > clock.now) wheel.arm(session, deadline);
    else if (table.phase[session] !== PHASE_OPEN) this.#opening.due(session);
    else this.#sessions.close(session, deadlines.timedOut(session), 'finish');
  };
}
