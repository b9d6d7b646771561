/**
 * A session until its bytes flow: the PROXY protocol header, the wait for a server with room, the
 * connect, and the time in which a server has a client's hello but has not answered it. Until its first
 * byte of an answer the session can still go to another server, and does so when this one is slow.
 */

import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  type EventQueue,
} from '../../linux/epoll.ts';
import { EAGAIN, ETIMEDOUT } from '../../linux/errno.ts';
import { addressOf, pinnedBuffer } from '../../linux/libc.ts';
import { acknowledge, peek, pendingError } from '../../linux/stream-calls.ts';
import { type ConnectFailed, Connector } from './connector.ts';
import type { Counters } from './counters.ts';
import type { DescriptorReserve } from './descriptor-reserve.ts';
import { FirstFlights } from './first-flight.ts';
import { sendHeader, takeHeader } from './proxy-headers.ts';
import type { Backend, Frontend, Routes, Server } from './routes.ts';
import { hashAddress, type Sessions } from './sessions.ts';
import {
  ENDED,
  HUNG_UP,
  JOINED,
  PEER_ADDRESS_BYTES,
  PHASE_CONNECTING,
  PHASE_FLIGHT,
  PHASE_GREETING,
  PHASE_OPEN,
  PHASE_QUEUED,
  READABLE,
  ROLE_CLIENT,
  ROLE_SERVER,
  type SocketTable,
} from './socket-table.ts';
import type { BufferPool } from './transfer-buffers.ts';
import { WaitingLines } from './waiting-lines.ts';

const TROUBLE = EPOLLERR | EPOLLHUP;
const READ_EVENTS = EPOLLIN | EPOLLRDHUP | TROUBLE;

/** A server is given so many times its usual time to answer before another is asked. */
const ANSWER_FACTOR = 3;
/** However slow servers usually are: so many times the configured time, at most. */
const PATIENCE_FACTOR_MAX = 10;
/** Weight of the newest answer in the average. */
const ANSWER_WEIGHT = 1 / 8;

const probe = pinnedBuffer(4096);
const probeAddress = addressOf(probe);

export class Opening {
  private readonly table: SocketTable;
  private readonly sessions: Sessions;
  private readonly routes: Routes;
  private readonly lines: WaitingLines;
  private readonly connector: Connector;
  private readonly flights: FirstFlights;
  /** Bytes of this session flow from now on. */
  private readonly opened: (session: number) => void;

  constructor(
    table: SocketTable,
    sessions: Sessions,
    queue: EventQueue,
    counters: Counters,
    routes: Routes,
    buffers: BufferPool,
    reserve: DescriptorReserve,
    failed: ConnectFailed,
    opened: (session: number) => void,
  ) {
    this.table = table;
    this.sessions = sessions;
    this.routes = routes;
    this.lines = new WaitingLines(table.size, routes.lines);
    this.connector = new Connector(table, sessions, queue, counters, this.lines, reserve, failed);
    this.flights = new FirstFlights(table, buffers);
    this.opened = opened;
  }

  /** Whether something is to happen sooner than the loop's idle time. */
  get hurried(): boolean {
    return this.sessions.hedgesArmed > 0 || this.lines.total > 0;
  }

  /** A client was accepted and registered. */
  begin(session: number, frontend: Frontend): void {
    if (!frontend.acceptProxy) {
      this.connector.start(session, 'SC');
      return;
    }
    this.table.phase[session] = PHASE_GREETING;
    this.sessions.rearm(session);
  }

  /** An event of a session that is not open yet; its flags are up to date. */
  event(fd: number, session: number, events: number): void {
    if (fd !== session) this.serverEvent(fd, session, events);
    else this.clientEvent(session, events);
  }

  /** The deadline of a session that is not open yet has passed. */
  due(session: number): void {
    const { table, sessions, connector } = this;
    const phase = table.phase[session];
    if (phase === PHASE_GREETING) sessions.close(session, 'cR', 'reset');
    else if (phase === PHASE_QUEUED) sessions.close(session, 'sQ', 'reset');
    else if (sessions.hedgeDue(session)) connector.race(session);
    else if (phase === PHASE_CONNECTING) {
      connector.lost(session, table.peer[session] ?? 0, ETIMEDOUT);
    } else sessions.close(session, sessions.timedOut(session), 'finish');
  }

  /** Called once per turn. */
  serveLines(): void {
    this.connector.serveLines(this.routes.backends);
  }

  /** The session ends: gives back what it borrowed or occupied here. */
  abandon(session: number): void {
    this.sessions.clearHedge(session);
    if (this.lines.lineOf(session) !== -1) this.connector.dequeue(session);
    this.connector.dropRival(session);
  }

  /** Its server takes no sessions any more: goes elsewhere, as long as it has not answered. */
  leave(session: number, server: Server): void {
    const { table, sessions } = this;
    if (sessions.rivalOf(session) === server) this.connector.dropRival(session);
    else if (sessions.serverOf(session) === server) {
      this.connector.lost(session, table.peer[session] ?? 0, 0);
    }
  }

  // --- a new configuration ----------------------------------------------------------------------

  /**
   * Before the routes change: leaves its waiting line, and servers that do not stay. Whether it is to look
   * for a server again, by restart().
   */
  uproot(session: number, stays: (server: number) => boolean): boolean {
    const { table, connector } = this;
    if (this.lines.lineOf(session) !== -1) {
      connector.dequeue(session);
      return true;
    }
    const rival = table.rivalServer[session] ?? 0;
    if (rival !== 0 && !stays(rival - 1)) connector.dropRival(session);
    const first = table.server[session] ?? 0;
    return first !== 0 && !stays(first - 1) && connector.uproot(session);
  }

  /** The routes have changed; nobody waits in a line now. */
  reline(): void {
    this.lines.replace(this.routes.lines);
  }

  /** Looks for a server as if it had just come; one that waited before keeps the time it has waited. */
  restart(session: number): void {
    const { table, sessions, connector } = this;
    const waitedSince = table.phase[session] === PHASE_QUEUED ? table.queuedAt[session] : undefined;
    table.attempts[session] = 0;
    table.clearTried(session);
    connector.start(session, 'SC');
    if (waitedSince === undefined || table.role[session] !== ROLE_CLIENT) return;
    if (table.phase[session] !== PHASE_QUEUED) return;
    table.queuedAt[session] = waitedSince;
    sessions.rearm(session);
  }

  /** Races go on by the new settings; where there are none any more, the first server has it. */
  resume(session: number): void {
    const { table, sessions } = this;
    const { hedgeAfterMs, hedgeConnectMs, servers } = sessions.backendOf(session);
    const phase = table.phase[session];
    if (phase === PHASE_CONNECTING && hedgeConnectMs === 0) sessions.clearHedge(session);
    if (phase !== PHASE_FLIGHT || (hedgeAfterMs > 0 && servers.length > 1)) return;
    this.open(session, this.flights.length(session));
  }

  // --- the client -------------------------------------------------------------------------------

  private clientEvent(session: number, events: number): void {
    const phase = this.table.phase[session];
    if ((events & EPOLLERR) !== 0) {
      // A client that only finished may still want its answer; one that reset wants nothing.
      const code = phase === PHASE_QUEUED ? 'CQ' : phase === PHASE_CONNECTING ? 'CC' : 'CD';
      this.sessions.close(session, code, 'reset');
    } else if ((events & READ_EVENTS) === 0) return;
    else if (phase === PHASE_GREETING) this.greet(session);
    else if (phase === PHASE_FLIGHT) this.readFlight(session);
  }

  private greet(session: number): void {
    const { table, sessions } = this;
    const result = takeHeader(table, session);
    if (result === -EAGAIN) return;
    if (result !== 0) {
      sessions.close(session, 'PR', 'reset');
      return;
    }
    const frontend = sessions.frontendOf(session);
    const named = table.destination[session * PEER_ADDRESS_BYTES] !== 0;
    if (named) {
      table.sourceHash[session] = hashAddress(table.address, session * PEER_ADDRESS_BYTES);
    }
    if (frontend.logs) sessions.logBegin(session, frontend);
    table.activeAt[session] = sessions.now;
    this.connector.start(session, 'SC');
  }

  /** Takes what the client says and passes it on to every server in the race. */
  private readFlight(session: number): void {
    const { table, sessions, flights } = this;
    // Each turn adds at least a byte to a flight of bounded length, or is the last.
    while (((table.flags[session] ?? 0) & READABLE) !== 0) {
      const before = flights.length(session);
      if (before === 0 && !flights.hasRoom()) break;
      const count = flights.read(session);
      const flags = table.flags[session] ?? 0;
      if (count === -EAGAIN) table.flags[session] = flags & ~READABLE;
      if (count === -EAGAIN) return;
      if (count < 0) {
        sessions.close(session, 'CD', 'reset');
        return;
      }
      if (count === 0) {
        table.flags[session] = (flags | ENDED) & ~READABLE;
        break;
      }
      sessions.moved(session, count, false);
      table.activeAt[session] = sessions.now;
      if (!this.passOn(session, before)) return;
      if (!flights.isFull(session) && (flags & HUNG_UP) === 0) {
        table.flags[session] = flags & ~READABLE;
        return;
      }
    }
    this.open(session, flights.length(session));
  }

  /** Gives the servers what came behind `from`. False: the session is no flight any more. */
  private passOn(session: number, from: number): boolean {
    const { table, sessions, flights, connector } = this;
    const first = table.peer[session] ?? 0;
    const length = flights.length(session);
    const reached = flights.send(session, first, from);
    if (reached < length && reached !== -EAGAIN && reached < 0) {
      connector.lost(session, first, 0);
      return false;
    }
    if (reached !== length || !flights.isHello(session) || flights.isFull(session)) {
      this.open(session, Math.max(reached, from));
      return false;
    }
    table.activeAt[first] = sessions.now;
    const rival = table.rival[session] ?? 0;
    if (rival !== 0 && ((table.flags[rival] ?? 0) & JOINED) !== 0) {
      if (flights.send(session, rival, from) !== length) connector.dropRival(session);
    }
    if (rival === 0) this.armHedge(session);
    return true;
  }

  private armHedge(session: number): void {
    const { sessions } = this;
    const { hedgeAfterMs } = sessions.backendOf(session);
    const usual = (sessions.serverOf(session)?.answerMs ?? 0) * ANSWER_FACTOR;
    const patience = Math.min(usual, hedgeAfterMs * PATIENCE_FACTOR_MAX);
    sessions.setHedge(session, sessions.now + Math.max(hedgeAfterMs, patience));
    sessions.rearm(session);
  }

  // --- the servers ------------------------------------------------------------------------------

  private serverEvent(fd: number, session: number, events: number): void {
    const { table, connector } = this;
    if (((table.flags[fd] ?? 0) & JOINED) === 0) {
      if ((events & TROUBLE) !== 0) connector.lost(session, fd, pendingError(fd) || ETIMEDOUT);
      else if ((events & EPOLLOUT) !== 0) this.connected(session, fd);
      // The same event may tell that it has spoken already.
      const joined = table.role[fd] === ROLE_SERVER && ((table.flags[fd] ?? 0) & JOINED) !== 0;
      if (!joined || table.phase[session] !== PHASE_FLIGHT) return;
    }
    if ((events & READ_EVENTS) === 0) return;
    if ((events & (EPOLLRDHUP | TROUBLE)) !== 0 && this.leftUnanswered(session, fd)) return;
    this.answered(session, fd);
  }

  /** Whether a server that ended its side did so without a word, and another is asked. */
  private leftUnanswered(session: number, fd: number): boolean {
    const count = peek(fd, probeAddress, 1);
    if (count > 0) return false;
    if (count === -EAGAIN) return true;
    // A client that asked nothing has nothing to ask again: it is told what the server did.
    if (this.flights.length(session) === 0) return false;
    this.connector.lost(session, fd, 0);
    return true;
  }

  private connected(session: number, fd: number): void {
    const { table, sessions, connector } = this;
    const rival = fd === table.rival[session];
    const server = rival ? sessions.rivalOf(session) : sessions.serverOf(session);
    if (server === null) return;
    sessions.established(session, fd, server);
    const version = server.config.sendProxy;
    if (version !== undefined && !sendHeader(table, session, fd, version)) {
      connector.lost(session, fd, 0);
      return;
    }
    if (version === undefined && !this.clientSpoke(session)) acknowledge(fd);
    if (table.phase[session] === PHASE_FLIGHT) {
      this.joinFlight(session, fd);
      return;
    }
    connector.settle(session, fd);
    const backend = sessions.backendOf(session);
    if (backend.hedgeAfterMs === 0) this.open(session, 0);
    else this.beginFlight(session, fd, backend);
  }

  /** Whether there is something to send to a server that has just connected. */
  private clientSpoke(session: number): boolean {
    const flags = this.table.flags[session] ?? 0;
    return (flags & (READABLE | ENDED)) !== 0 || this.flights.length(session) > 0;
  }

  /** A second server gets the flight so far. */
  private joinFlight(session: number, fd: number): void {
    const { table, flights, connector } = this;
    table.flags[fd] = (table.flags[fd] ?? 0) | JOINED;
    if (flights.send(session, fd, 0) !== flights.length(session)) connector.dropRival(session);
  }

  private beginFlight(session: number, fd: number, backend: Backend): void {
    const { table, sessions, flights } = this;
    if (backend.servers.length < 2) {
      this.open(session, 0);
      return;
    }
    table.phase[session] = PHASE_FLIGHT;
    table.flags[fd] = (table.flags[fd] ?? 0) | JOINED;
    // A server after one that left gets what that one had.
    if (flights.length(session) > 0 && !this.passOn(session, 0)) return;
    sessions.rearm(session);
    if (((table.flags[session] ?? 0) & READABLE) !== 0) this.readFlight(session);
  }

  /** The first byte of an answer: the race is over. */
  private answered(session: number, fd: number): void {
    const { table, sessions, connector, flights } = this;
    connector.settle(session, fd);
    const server = sessions.serverOf(session);
    if (server !== null && flights.length(session) > 0) {
      const spentMs = sessions.now - (table.activeAt[fd] ?? 0);
      const before = server.answerMs;
      server.answerMs = before === 0 ? spentMs : before + (spentMs - before) * ANSWER_WEIGHT;
    }
    this.open(session, flights.length(session));
  }

  /** `from`: what of the flight its server has. */
  private open(session: number, from: number): void {
    const { table, sessions, connector, flights } = this;
    connector.settle(session, table.peer[session] ?? 0);
    flights.handOver(session, from);
    table.phase[session] = PHASE_OPEN;
    sessions.rearm(session);
    if (table.role[session] === ROLE_CLIENT) this.opened(session);
  }
}
