/**
 * A session until its bytes flow: the PROXY protocol header, what rules ask of it, the wait for a server with room, the
 * connect, and the time in which a server has a client's hello but has not answered it. Until its first
 * byte of an answer the session can still go to another server, and does so when this one is slow.
 */

import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../../linux/epoll.ts';
import { EAGAIN, ETIMEDOUT } from '../../../linux/errno.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { acknowledge, peek, pendingError } from '../../../linux/stream-calls.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend, Server } from '../routes/routes.ts';
import { logBegin } from '../sessions/session-log.ts';
import { backendOf, frontendOf, rivalOf, serverOf } from '../sessions/session-routes.ts';
import { hashAddress, type Sessions } from '../sessions/sessions.ts';
import {
  ENDED,
  HUNG_UP,
  JOINED,
  PEER_ADDRESS_BYTES,
  PHASE_CONNECTING,
  PHASE_FLIGHT,
  PHASE_GREETING,
  PHASE_INSPECTING,
  PHASE_OPEN,
  PHASE_QUEUED,
  PHASE_SILENT,
  READABLE,
  ROLE_CLIENT,
  ROLE_SERVER,
} from '../sessions/socket-table.ts';
import type { Streams } from '../transfer/streams.ts';
import type { Admission } from './admission.ts';
import { Connector } from './connector.ts';
import { Entrance } from './entrance.ts';
import { FirstFlights } from './first-flight.ts';
import { sendHeader, takeHeader } from './proxy-headers.ts';

const TROUBLE = EPOLLERR | EPOLLHUP;
const READ_EVENTS = EPOLLIN | EPOLLRDHUP | TROUBLE;

/** A server is given so many times its usual time to answer before another is asked. */
const ANSWER_FACTOR = 3;
/** However slow servers usually are: so many times the configured time, at most. */
const PATIENCE_FACTOR_MAX = 10;

const probe = pinnedBuffer(4096);
const probeAddress = addressOf(probe);

export class Opening {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #streams: Streams;
  readonly #entrance: Entrance;
  readonly #connector: Connector;
  readonly #flights: FirstFlights;

  constructor(context: RelayContext, sessions: Sessions, streams: Streams, admission: Admission) {
    this.#context = context;
    this.#sessions = sessions;
    this.#streams = streams;
    this.#entrance = new Entrance(context, sessions, admission, this.#seekServer);
    this.#connector = new Connector(context, sessions);
    this.#flights = new FirstFlights(context);
  }

  /** Whether something is to happen sooner than the loop's idle time. */
  get hurried(): boolean {
    return this.#sessions.deadlines.hedgesArmed > 0 || this.#context.lines.total > 0;
  }

  /** A client was accepted and registered. */
  begin(session: number, frontend: Frontend): void {
    if (!frontend.acceptProxy) {
      this.#entrance.enter(session, frontend);
      return;
    }
    this.#context.table.phase[session] = PHASE_GREETING;
    this.#sessions.deadlines.rearm(session);
  }

  /** An event of a session that is not open yet; its flags are up to date. */
  event(fd: number, session: number, events: number): void {
    if (fd !== session) this.#serverEvent(fd, session, events);
    else this.#clientEvent(session, events);
  }

  /** The deadline of a session that is not open yet has passed. */
  due(session: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const connector = this.#connector;
    const phase = table.phase[session];
    if (phase === PHASE_GREETING) this.#refuseGreeting(session, 'cR');
    else if (phase === PHASE_INSPECTING) this.#entrance.inspect(session, true);
    else if (phase === PHASE_QUEUED) sessions.close(session, 'sQ', 'reset');
    else if (phase === PHASE_SILENT) connector.start(session, 'SC');
    else if (sessions.deadlines.hedgeDue(session)) connector.overdue(session);
    else if (phase === PHASE_CONNECTING) {
      connector.lost(session, table.peer[session] ?? 0, ETIMEDOUT);
    } else sessions.close(session, sessions.deadlines.timedOut(session), 'finish');
  }

  /** Called once per turn. */
  serveLines(): void {
    this.#connector.serveLines(this.#context.routes.backends);
  }

  /** Its server takes no sessions any more: goes elsewhere, as long as it has not answered. */
  leave(session: number, server: Server): void {
    const { table } = this.#context;
    if (rivalOf(this.#context, session) === server) this.#sessions.dropRival(session);
    else if (serverOf(this.#context, session) === server) {
      this.#connector.lost(session, table.peer[session] ?? 0, 0);
    }
  }

  // --- a new configuration ----------------------------------------------------------------------

  /**
   * Before the routes change: leaves its waiting line, and servers that do not stay. Whether it is to look
   * for a server again, by restart().
   */
  uproot(session: number, stays: (server: number) => boolean): boolean {
    const { table, lines } = this.#context;
    const sessions = this.#sessions;
    if (lines.lineOf(session) !== -1) {
      sessions.leaveLine(session);
      return true;
    }
    const rival = table.rivalServer[session] ?? 0;
    if (rival !== 0 && !stays(rival - 1)) sessions.dropRival(session);
    const first = table.server[session] ?? 0;
    return first !== 0 && !stays(first - 1) && this.#connector.uproot(session);
  }

  /** The routes have changed; nobody waits in a line now. */
  reline(): void {
    this.#context.lines.replace(this.#context.routes.lines);
  }

  /** Looks for a server as if it had just come; one that waited before keeps the time it has waited. */
  restart(session: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const connector = this.#connector;
    const waitedSince = table.phase[session] === PHASE_QUEUED ? table.queuedAt[session] : undefined;
    table.attempts[session] = 0;
    table.clearTried(session);
    connector.start(session, 'SC');
    if (waitedSince === undefined || table.role[session] !== ROLE_CLIENT) return;
    if (table.phase[session] !== PHASE_QUEUED) return;
    table.queuedAt[session] = waitedSince;
    sessions.deadlines.rearm(session);
  }

  /** Rules and races go on by the new settings; where there are no more races, the first server has it. */
  resume(session: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const phase = table.phase[session];
    if (phase === PHASE_INSPECTING) this.#entrance.inspect(session, false);
    if (phase === PHASE_INSPECTING || phase === PHASE_GREETING) return;
    const { readsFlights, hedgeConnectMs } = backendOf(this.#context, session);
    if (phase === PHASE_CONNECTING && hedgeConnectMs === 0) sessions.deadlines.clearHedge(session);
    if (phase !== PHASE_FLIGHT || readsFlights) return;
    this.#open(session, this.#flights.length(session));
  }

  // --- the client -------------------------------------------------------------------------------

  #clientEvent(session: number, events: number): void {
    const phase = this.#context.table.phase[session];
    if ((events & EPOLLERR) !== 0) {
      // A client that only finished may still want its answer; one that reset wants nothing.
      if (phase === PHASE_INSPECTING) {
        this.#entrance.lost(session);
        return;
      }
      const code = phase === PHASE_QUEUED ? 'CQ' : phase === PHASE_CONNECTING ? 'CC' : 'CD';
      this.#sessions.close(session, code, 'reset');
    } else if ((events & READ_EVENTS) === 0) return;
    else if (phase === PHASE_GREETING) this.#greet(session);
    else if (phase === PHASE_INSPECTING) this.#entrance.inspect(session, false);
    else if (phase === PHASE_SILENT) this.#connector.start(session, 'SC');
    else if (phase === PHASE_FLIGHT) this.#readFlight(session);
  }

  #greet(session: number): void {
    const { table, clock } = this.#context;
    const result = takeHeader(table, session);
    if (result === -EAGAIN) return;
    if (result !== 0) {
      this.#refuseGreeting(session, 'PR');
      return;
    }
    const frontend = frontendOf(this.#context, session);
    const named = table.destination[session * PEER_ADDRESS_BYTES] !== 0;
    if (named) {
      table.sourceHash[session] = hashAddress(table.address, session * PEER_ADDRESS_BYTES);
    }
    if (frontend.logs) logBegin(this.#context, session, frontend);
    table.activeAt[session] = clock.now;
    this.#entrance.enter(session, frontend);
  }

  #refuseGreeting(session: number, termination: 'PR' | 'cR'): void {
    const { counters } = frontendOf(this.#context, session);
    this.#context.counters.add(counters.badGreetings, 1);
    this.#sessions.close(session, termination, 'reset');
  }

  /** It is let in, and led to this backend. */
  readonly #seekServer = (session: number, backend: Backend): void => {
    backend.hedges.came(this.#context.clock.now);
    // Where servers have room for so many hellos, a client that has none yet takes none of it.
    if (backend.config.admission === undefined || this.#clientSpoke(session)) {
      this.#connector.start(session, 'SC');
      return;
    }
    this.#context.table.phase[session] = PHASE_SILENT;
    this.#sessions.deadlines.rearm(session);
  };

  /** Takes what the client says and passes it on. */
  #readFlight(session: number): void {
    const { table, clock } = this.#context;
    const sessions = this.#sessions;
    const flights = this.#flights;
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
      table.activeAt[session] = clock.now;
      if (!this.#passOn(session, before)) return;
      if (!flights.isFull(session) && (flags & HUNG_UP) === 0) {
        table.flags[session] = flags & ~READABLE;
        return;
      }
    }
    this.#open(session, flights.length(session));
  }

  /** Gives the server what came behind `from`. False: the session is no flight any more. */
  #passOn(session: number, from: number): boolean {
    const { table, clock } = this.#context;
    const flights = this.#flights;
    const connector = this.#connector;
    const first = table.peer[session] ?? 0;
    const length = flights.length(session);
    const reached = flights.send(session, first, from);
    if (reached < length && reached !== -EAGAIN && reached < 0) {
      connector.lost(session, first, 0);
      return false;
    }
    const verdict = flights.verdict(session);
    if (reached !== length || verdict === 'other' || flights.isFull(session)) {
      this.#open(session, Math.max(reached, from));
      return false;
    }
    table.activeAt[first] = clock.now;
    const server = serverOf(this.#context, session);
    if (verdict === 'whole' && server !== null) {
      this.#sessions.asked(first, server);
      this.#armHedge(session);
    }
    return true;
  }

  #armHedge(session: number): void {
    const sessions = this.#sessions;
    const { hedgeAfterMs } = backendOf(this.#context, session);
    if (hedgeAfterMs === 0) return;
    const usual = (serverOf(this.#context, session)?.answers.usualMs ?? 0) * ANSWER_FACTOR;
    const patience = Math.min(usual, hedgeAfterMs * PATIENCE_FACTOR_MAX);
    sessions.deadlines.setHedge(
      session,
      this.#context.clock.now + Math.max(hedgeAfterMs, patience),
    );
    sessions.deadlines.rearm(session);
  }

  // --- the servers ------------------------------------------------------------------------------

  #serverEvent(fd: number, session: number, events: number): void {
    const { table } = this.#context;
    const connector = this.#connector;
    if (((table.flags[fd] ?? 0) & JOINED) === 0) {
      if ((events & TROUBLE) !== 0) connector.lost(session, fd, pendingError(fd) || ETIMEDOUT);
      else if ((events & EPOLLOUT) !== 0) this.#connected(session, fd);
      // The same event may tell that it has spoken already.
      const joined = table.role[fd] === ROLE_SERVER && ((table.flags[fd] ?? 0) & JOINED) !== 0;
      if (!joined || table.phase[session] !== PHASE_FLIGHT) return;
    }
    if ((events & READ_EVENTS) === 0) return;
    if ((events & (EPOLLRDHUP | TROUBLE)) !== 0 && this.#leftUnanswered(session, fd)) return;
    this.#answered(session, fd);
  }

  /** Whether a server that ended its side did so without a word, and another is asked. */
  #leftUnanswered(session: number, fd: number): boolean {
    const count = peek(fd, probeAddress, 1);
    if (count > 0) return false;
    if (count === -EAGAIN) return true;
    // A client that asked nothing has nothing to ask again: it is told what the server did.
    if (this.#flights.length(session) === 0) return false;
    this.#connector.lost(session, fd, 0);
    return true;
  }

  #connected(session: number, fd: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const connector = this.#connector;
    const rival = fd === table.rival[session];
    const server = rival ? rivalOf(this.#context, session) : serverOf(this.#context, session);
    if (server === null) return;
    sessions.established(session, fd, server);
    const version = server.config.sendProxy;
    if (version !== undefined && !sendHeader(table, session, fd, version)) {
      connector.lost(session, fd, 0);
      return;
    }
    if (version === undefined && !this.#clientSpoke(session)) acknowledge(fd);
    if (table.phase[session] === PHASE_FLIGHT) {
      this.#joinFlight(session, fd, server);
      return;
    }
    connector.settle(session, fd);
    const backend = backendOf(this.#context, session);
    if (backend.readsFlights) this.#beginFlight(session, fd);
    else this.#open(session, 0);
  }

  /** Whether there is something to send to a server that has just connected. */
  #clientSpoke(session: number): boolean {
    const flags = this.#context.table.flags[session] ?? 0;
    return (flags & (READABLE | ENDED)) !== 0 || this.#flights.length(session) > 0;
  }

  /** A second server gets the hello. */
  #joinFlight(session: number, fd: number, server: Server): void {
    const { table } = this.#context;
    const flights = this.#flights;
    const sessions = this.#sessions;
    table.flags[fd] = (table.flags[fd] ?? 0) | JOINED;
    if (flights.send(session, fd, 0) !== flights.length(session)) sessions.dropRival(session);
    else sessions.asked(fd, server);
  }

  #beginFlight(session: number, fd: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const flights = this.#flights;
    table.phase[session] = PHASE_FLIGHT;
    table.flags[fd] = (table.flags[fd] ?? 0) | JOINED;
    // A server after one that left gets what that one had.
    if (flights.length(session) > 0 && !this.#passOn(session, 0)) return;
    sessions.deadlines.rearm(session);
    if (((table.flags[session] ?? 0) & READABLE) !== 0) this.#readFlight(session);
  }

  /** The first byte of an answer: the race is over. */
  #answered(session: number, fd: number): void {
    const { table, clock } = this.#context;
    const connector = this.#connector;
    connector.settle(session, fd);
    const server = serverOf(this.#context, session);
    if (server !== null && table.askedAt[fd] !== 0) {
      const spentMs = this.#sessions.heard(fd, server);
      server.answers.answered(spentMs, clock.now);
      server.admission?.answered(spentMs, clock.now);
    }
    this.#open(session, this.#flights.length(session));
  }

  /** `from`: what of the flight its server has. */
  #open(session: number, from: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const connector = this.#connector;
    const flights = this.#flights;
    const socket = table.peer[session] ?? 0;
    connector.settle(session, socket);
    const server = serverOf(this.#context, session);
    if (server !== null) sessions.heard(socket, server);
    flights.handOver(session, from);
    table.phase[session] = PHASE_OPEN;
    sessions.deadlines.rearm(session);
    if (table.role[session] === ROLE_CLIENT) this.#streams.begin(session);
  }
}
