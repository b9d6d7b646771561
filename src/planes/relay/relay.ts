/**
 * One relay: a blocking epoll loop that accepts clients, finds each a server and moves the bytes
 * between them. It decides alone; the main thread only publishes snapshots and orders.
 *
 * Everything runs on one thread and to completion. An event names a descriptor and its generation, so
 * one that was fetched before its descriptor changed hands is recognised and dropped.
 */

import { assert } from '../../core/assert.ts';
import {
  clearWakeup,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EventQueue,
} from '../../linux/epoll.ts';
import { counterLayout } from '../../stats/layout.ts';
import { Acceptor } from './acceptor.ts';
import { connectionsLimit, pipesOfRelay } from './capacity.ts';
import { ConnectionLogWriter } from './connection-log-writer.ts';
import type { ConnectFailed } from './connector.ts';
import { Counters } from './counters.ts';
import { DescriptorReserve } from './descriptor-reserve.ts';
import type { MainToRelay, RelayOrder, RelayStart } from './messages.ts';
import { COMPLETE, IDLE, MORE, type MoveResult, Mover, SOURCE_LOST } from './mover.ts';
import { Opening } from './opening.ts';
import { reconfigure } from './reconfigure.ts';
import { applyBackend, buildRoutes, type Routes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { Shedder } from './shedder.ts';
import {
  ENDED,
  FIN_WAITS,
  HUNG_UP,
  PHASE_OPEN,
  READABLE,
  ROLE_CLIENT,
  ROLE_LISTENER,
  ROLE_NONE,
  ROLE_SERVER,
  ROLE_WAKEUP,
  SocketTable,
  WRITABLE,
} from './socket-table.ts';
import { TICK_MS, TimingWheel } from './timing-wheel.ts';
import { BufferPool, PipePool } from './transfer-buffers.ts';

/** Events taken per turn. */
const EVENTS_MAX = 256;
/** Turns given to the last bytes of a connection that was reset. */
const LAST_WORDS_TURNS = 4;
/** Sessions visited from one beat to the next, where all of them are. */
const SESSIONS_PER_BEAT = 256;

const TROUBLE = EPOLLERR | EPOLLHUP;
const READ_EVENTS = EPOLLIN | EPOLLRDHUP | TROUBLE;

export class Relay {
  private readonly table: SocketTable;
  private readonly routes: Routes;
  private readonly counters: Counters;
  private readonly queue = new EventQueue(EVENTS_MAX);
  private readonly wheel: TimingWheel;
  private readonly pipes: PipePool;
  private readonly reserve = new DescriptorReserve();
  private readonly logs: ConnectionLogWriter;
  private readonly mover: Mover;
  private readonly sessions: Sessions;
  private readonly opening: Opening;
  private readonly acceptor: Acceptor;
  private readonly shedder: Shedder;
  private readonly wakeFd: number;
  private readonly phase: number;
  private readonly filesMax: number;
  private readonly relays: number;
  private readonly beat: () => void;
  // Ring of directions that used up their share: sources to come back to in the next turn.
  private readonly ready: Int32Array;
  private readyStart = 0;
  private readyCount = 0;
  private messagesWait = false;

  /** `now`: ms on the relay's clock. `beat` is called during work that may take long. */
  constructor(start: RelayStart, now: number, failed: ConnectFailed, beat: () => void) {
    this.beat = beat;
    const layout = counterLayout(start.config);
    const own = start.counters[start.relay];
    assert(own !== undefined, 'a relay has counters');
    this.phase = start.relay;
    this.wakeFd = start.wakeFd;
    const { config, snapshot, relay, sticks } = start;
    this.routes = buildRoutes(config, layout, snapshot.backends, relay, sticks);
    this.counters = new Counters(start.counters, own);
    this.table = new SocketTable(start.filesMax, this.routes.serversMax);
    this.wheel = new TimingWheel(this.table.size, now);
    this.ready = new Int32Array(this.table.size);
    const relays = start.counters.length;
    this.filesMax = start.filesMax;
    this.relays = relays;
    this.pipes = new PipePool(pipesOfRelay(start.filesMax, relays));
    const targets = start.config.frontends.flatMap((frontend) => frontend.log.targets);
    this.logs = new ConnectionLogWriter(targets, () =>
      this.counters.add(this.routes.relay.logsDropped, 1),
    );
    this.sessions = new Sessions(
      this.table,
      this.routes,
      this.counters,
      this.wheel,
      this.logs,
      (fd) => this.mover.drop(fd),
      (session) => this.opening.abandon(session),
    );
    const buffers = new BufferPool();
    this.mover = new Mover(this.table, buffers, this.pipes, this.sessions);
    const { table, sessions, queue, counters, routes } = this;
    this.opening = new Opening(
      table,
      sessions,
      queue,
      counters,
      routes,
      buffers,
      this.reserve,
      failed,
      this.opened,
    );
    this.acceptor = new Acceptor(
      table,
      sessions,
      this.opening,
      queue,
      counters,
      routes,
      this.reserve,
      connectionsLimit(start.config, start.filesMax, relays),
    );
    this.shedder = new Shedder(table, sessions);
    this.queue.add(this.wakeFd, table.open(this.wakeFd, ROLE_WAKEUP, now), EPOLLIN);
    this.setTime(now);
    for (const listener of start.listeners) this.acceptor.listen(listener);
    if (start.accepting) this.acceptor.begin();
  }

  /** How long the next turn may wait, ms: `idleMs` unless work is left over. */
  patience(idleMs: number): number {
    if (this.readyCount > 0) return 0;
    return this.opening.hurried ? Math.min(idleMs, TICK_MS) : idleMs;
  }

  /** Waits for events. The caller reads its clock afterwards and calls turn(). */
  wait(timeoutMs: number): number {
    return this.queue.wait(timeoutMs);
  }

  /** One turn over `count` fetched events. Returns whether messages wait for this thread. */
  turn(count: number, now: number): boolean {
    this.setTime(now);
    this.messagesWait = false;
    this.counters.add(this.routes.relay.loops, 1);
    // What is left over from before gets its share first, and only once per turn.
    for (let left = this.readyCount; left > 0; left--) this.resumeNext();
    for (let index = 0; index < count; index++) {
      const fd = this.queue.fdAt(index);
      if (this.table.generation[fd] !== this.queue.generationAt(index)) continue;
      this.dispatch(fd, this.queue.eventsAt(index));
    }
    this.wheel.advance(now, this.due);
    this.opening.serveLines();
    this.acceptor.resumeWhereRoom(now);
    return this.messagesWait;
  }

  /** Does what one message says. Returns the number of sessions that a new configuration ended. */
  handle(message: Exclude<MainToRelay, { kind: 'stop' }>): number {
    switch (message.kind) {
      case 'snapshot':
        for (const backend of this.routes.backends) {
          const snapshot = message.snapshot.backends[backend.index];
          if (snapshot !== undefined) applyBackend(backend, snapshot, this.phase);
        }
        return 0;
      case 'shutdown-sessions':
        this.shutdownSessions(message.backend, message.server);
        return 0;
      case 'reconfigure':
        return this.reconfigure(message);
      case 'move-session':
        this.moveSession(message);
        return 0;
      case 'accept':
        this.acceptor.begin();
        return 0;
      case 'pause':
        this.acceptor.pause();
        return 0;
    }
  }

  /** Closes every session and descriptor of its own; listeners stay the caller's. */
  close(): void {
    this.acceptor.pause();
    this.closeSessions(() => true);
    this.pipes.closeAll();
    this.reserve.give();
    this.logs.close();
    this.queue.close();
  }

  private setTime(now: number): void {
    this.sessions.now = now;
    this.mover.now = now;
  }

  private closeSessions(chosen: (session: number) => boolean): void {
    const { table } = this;
    for (let fd = 0; fd <= table.highest; fd++) {
      if (table.role[fd] === ROLE_CLIENT && chosen(fd)) this.sessions.close(fd, 'KD', 'reset');
    }
  }

  /** Those that flow are cut; those that no server has answered go to another one. */
  private shutdownSessions(backendName: string, serverName: string): void {
    const { table, sessions } = this;
    const backend = this.routes.backends.find(({ config }) => config.name === backendName);
    const server = backend?.servers.find(({ config }) => config.name === serverName);
    if (server === undefined) return;
    this.eachSession((session) => {
      if (sessions.backendOf(session) !== backend) return;
      if (table.phase[session] !== PHASE_OPEN) this.opening.leave(session, server);
      else if (sessions.serverOf(session) === server) sessions.close(session, 'KD', 'reset');
    });
  }

  /** Ten thousand take a tenth of a second: whoever watches this loop must see that it lives. */
  private readonly eachSession = (visit: (session: number) => void): void => {
    const { table } = this;
    let visited = 0;
    for (let fd = 0; fd <= table.highest; fd++) {
      if (table.role[fd] !== ROLE_CLIENT) continue;
      visited++;
      if (visited % SESSIONS_PER_BEAT === 0) this.beat();
      visit(fd);
    }
  };

  /** Other relays may have ended some meanwhile: the sum over all decides. */
  private moveSession(order: Extract<MainToRelay, { kind: 'move-session' }>): void {
    const { counters } = this;
    const server = this.routes.backends[order.backend]?.servers[order.server];
    if (server === undefined) return;
    if (counters.sum(server.counters.sessionsCurrent) <= order.keep) return;
    const done = this.shedder.shed(order.backend, server, order.acceptedBefore);
    if (done) counters.add(server.counters.rebalanced, 1);
  }

  private reconfigure(order: RelayOrder): number {
    const { table, sessions, opening, counters, routes, eachSession, phase: relay } = this;
    const parts = { table, sessions, opening, counters, routes, eachSession, relay };
    const ended = reconfigure(parts, order);
    this.logs.retarget(order.config.frontends.flatMap((frontend) => frontend.log.targets));
    const connectionsMax = connectionsLimit(order.config, this.filesMax, this.relays);
    this.acceptor.relisten(order.listeners, connectionsMax);
    return ended;
  }

  private dispatch(fd: number, events: number): void {
    switch (this.table.role[fd]) {
      case ROLE_LISTENER:
        this.acceptor.accept(fd);
        return;
      case ROLE_CLIENT:
      case ROLE_SERVER:
        this.stream(fd, events);
        return;
      case ROLE_WAKEUP:
        clearWakeup(fd);
        this.messagesWait = true;
        return;
      default:
        return;
    }
  }

  private stream(fd: number, events: number): void {
    const { table } = this;
    let flags = table.flags[fd] ?? 0;
    if ((events & READ_EVENTS) !== 0) flags |= READABLE;
    if ((events & (EPOLLRDHUP | TROUBLE)) !== 0) flags |= HUNG_UP;
    // Only a mark of urgent data (tcp(7)) cuts a read short before the end.
    if ((events & (EPOLLRDHUP | EPOLLPRI | EPOLLERR)) === EPOLLRDHUP) flags |= FIN_WAITS;
    if ((events & EPOLLOUT) !== 0) flags |= WRITABLE;
    table.flags[fd] = flags;
    const session = table.sessionOf(fd);
    if (table.phase[session] !== PHASE_OPEN) {
      this.opening.event(fd, session, events);
      return;
    }
    if ((events & EPOLLERR) !== 0) {
      this.lost(fd);
      return;
    }
    if ((events & EPOLLOUT) !== 0) {
      const peer = table.peer[fd] ?? 0;
      if ((table.held[peer] ?? 0) > 0 && table.queued[peer] === 0 && !this.serve(peer)) return;
    }
    // What waits in the ready ring has had its share of this turn.
    if ((flags & READABLE) !== 0 && table.queued[fd] === 0) this.serve(fd);
  }

  /** Bytes flow from now on: moves what is there. */
  private readonly opened = (session: number): void => {
    const { table } = this;
    const socket = table.peer[session] ?? 0;
    // What a first flight left over comes before anything new, and so does the client's end.
    const left = (table.held[session] ?? 0) > 0;
    const flags = table.flags[session] ?? 0;
    if ((left || (flags & (READABLE | ENDED)) !== 0) && !this.serve(session)) return;
    if (((table.flags[socket] ?? 0) & READABLE) !== 0) this.serve(socket);
  };

  /** Moves what it can from `source`; false when that ended the session. */
  private serve(source: number): boolean {
    return this.settle(source, this.mover.move(source));
  }

  private settle(source: number, result: MoveResult): boolean {
    switch (result) {
      case IDLE:
        return true;
      case MORE:
        this.comeBack(source);
        return true;
      case COMPLETE:
        this.sessions.close(this.table.sessionOf(source), '--', 'finish');
        return false;
      case SOURCE_LOST:
        this.abort(source);
        return false;
      default:
        this.lost(this.table.peer[source] ?? 0);
        return false;
    }
  }

  /**
   * A connection is gone. What its peer said before still goes out as far as the other side takes it at
   * once, then both end: a reset on one side is a reset on the other.
   */
  private lost(fd: number): void {
    const { table } = this;
    table.flags[fd] = (table.flags[fd] ?? 0) | READABLE | HUNG_UP;
    let result: MoveResult = MORE;
    for (let turn = 0; turn < LAST_WORDS_TURNS && result === MORE; turn++) {
      result = this.mover.move(fd);
    }
    if (result === COMPLETE) this.sessions.close(table.sessionOf(fd), '--', 'finish');
    else this.abort(fd);
  }

  private abort(fd: number): void {
    const { table, sessions } = this;
    const client = table.role[fd] === ROLE_CLIENT;
    sessions.close(table.sessionOf(fd), client ? 'CD' : 'SD', 'reset');
  }

  private comeBack(source: number): void {
    const { table, ready } = this;
    if (table.queued[source] === 1) return;
    table.queued[source] = 1;
    ready[(this.readyStart + this.readyCount) % ready.length] = source;
    this.readyCount++;
  }

  private resumeNext(): void {
    const { table, ready } = this;
    const source = ready[this.readyStart] ?? 0;
    this.readyStart = (this.readyStart + 1) % ready.length;
    this.readyCount--;
    table.queued[source] = 0;
    // The descriptor may have been closed, or even reused, since.
    const role = table.role[source];
    if (role === ROLE_NONE || (role !== ROLE_CLIENT && role !== ROLE_SERVER)) return;
    if (table.phase[table.sessionOf(source)] === PHASE_OPEN) this.serve(source);
  }

  /** A session's slot in the wheel came up. */
  private readonly due = (session: number): void => {
    const { table, sessions } = this;
    const deadline = sessions.deadline(session);
    if (deadline > sessions.now) {
      this.wheel.arm(session, deadline);
      return;
    }
    if (table.phase[session] !== PHASE_OPEN) this.opening.due(session);
    else sessions.close(session, sessions.timedOut(session), 'finish');
  };
}
