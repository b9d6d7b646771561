/**
 * Finds a server for a session: picks one, starts a non-blocking connect, and goes to the next at once
 * when that fails, so that the client notices nothing. No server is tried twice for one session. Where a
 * second server races the first, each has its own socket; whoever loses is closed.
 */

import type { PickContext } from '../../../balance/picker.ts';
import { assert } from '../../../core/assert.ts';
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../../../linux/epoll.ts';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EINPROGRESS,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  ETIMEDOUT,
  errorText,
} from '../../../linux/errno.ts';
import {
  closeStream,
  delayAcknowledgement,
  openStream,
  setLiveness,
  startConnect,
} from '../../../linux/stream-calls.ts';
import type { TerminationCode } from '../../../stats/connection-log.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Server } from '../routes/routes.ts';
import { backendOf, rivalOf, serverOf } from '../sessions/session-routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import {
  FRESH,
  HEDGE_REFUSED,
  JOINED,
  PHASE_CONNECTING,
  PHASE_FLIGHT,
  PHASE_QUEUED,
  ROLE_SERVER,
} from '../sessions/socket-table.ts';
import { bindOutgoing } from './outgoing-address.ts';

/** Registered once per socket; edge-triggered. */
export const STREAM_EVENTS = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/** A server's failures are told at most this often: the listener counts reasons, not clients. */
const REPORT_INTERVAL_MS = 20;

/** What says nothing about the server: our own descriptors, memory or ports ran out. */
const OWN_TROUBLE = new Set([EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN]);

/** A second server that is refused is asked for again after so long. */
const HEDGE_AGAIN_MS = 50;

/** Sessions let out of one waiting line per turn, at most. */
const LET_OUT_MAX = 64;

export class Connector implements PickContext {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  // The session being served: the pick context of the moment.
  #session = 0;
  #backend: Backend | null = null;
  #passesFull = true;
  #sawFull = false;
  /** Servers that are not worth it for one who has waited so long are passed over, ms. */
  #waitedMs = Number.POSITIVE_INFINITY;
  #sawSlow = false;

  constructor(context: RelayContext, sessions: Sessions) {
    this.#context = context;
    this.#sessions = sessions;
  }

  // --- PickContext ------------------------------------------------------------------------------

  get sourceHash(): number {
    return this.#context.table.sourceHash[this.#session] ?? 0;
  }

  get now(): number {
    return this.#context.clock.now;
  }

  active(server: number): number {
    const counters = this.#backend?.servers[server]?.counters;
    return counters === undefined ? 0 : this.#context.counters.sum(counters.sessionsCurrent);
  }

  excluded(server: number): boolean {
    if (this.#context.table.isTried(this.#session, server)) return true;
    if (this.#isSlow(server)) {
      this.#sawSlow = true;
      return true;
    }
    if (!this.#passesFull || this.#backend?.limited !== true || !this.#isFull(server)) return false;
    this.#sawFull = true;
    return true;
  }

  random(): number {
    return Math.floor(Math.random() * 2 ** 32);
  }

  #isSlow(server: number): boolean {
    if (this.#waitedMs === Number.POSITIVE_INFINITY) return false;
    const answers = this.#backend?.servers[server]?.answers;
    return answers?.isWorthAsking(this.#waitedMs, this.#context.clock.now) === false;
  }

  #isFull(server: number): boolean {
    const full = this.#backend?.servers[server];
    if (full === undefined) return false;
    const { config, answers, admission } = full;
    const { connectionsMax: max } = config;
    if (max > 0 && this.active(server) >= max) return true;
    return admission !== null && answers.waiting >= admission.size(this.#context.clock.now);
  }

  /**
   * `passesFull`: servers without room are passed over. `waitedMs`: those are, too, that one who has waited
   * for another so long has nothing to hope of.
   */
  #pick(
    session: number,
    backend: Backend,
    passesFull: boolean,
    waitedMs = Number.POSITIVE_INFINITY,
  ): Server | null {
    this.#session = session;
    this.#backend = backend;
    this.#passesFull = passesFull;
    this.#sawFull = false;
    this.#waitedMs = waitedMs;
    this.#sawSlow = false;
    return backend.servers[backend.picker.pick(this)] ?? null;
  }

  // --- one server after the other ---------------------------------------------------------------

  /**
   * Starts a connect to the next server, or has the session wait for one with room. When there is none
   * left the session is closed with RST, as `outcome` says; a client that gets nothing must not wait
   * for it.
   */
  start(session: number, outcome: TerminationCode): void {
    const { table, lines } = this.#context;
    const backend = backendOf(this.#context, session);
    const attemptsMax = this.#attemptsMax(backend);
    let termination = outcome;
    while ((table.attempts[session] ?? 0) < attemptsMax) {
      // Who comes later must not overtake those that wait.
      const crowded = backend.limited && !backend.sticky && lines.length(backend.line) > 0;
      const server = crowded ? null : this.#choose(session, backend);
      if (crowded || (server === null && this.#sawFull)) {
        this.#enqueue(session, backend, null);
        return;
      }
      if (server === null) break;
      if (server.line !== -1 && (this.#isFull(server.index) || lines.length(server.line) > 0)) {
        this.#enqueue(session, backend, server);
        return;
      }
      if (this.#attempt(session, backend, server)) return;
      termination = 'SC';
    }
    this.#sessions.close(session, termination, 'reset');
  }

  /** Goes past a server whose clients wait for its answers, where another can be expected to give one. */
  #choose(session: number, backend: Backend): Server | null {
    const server = this.#pick(session, backend, !backend.sticky);
    if (server === null || backend.sidestepMs === 0) return server;
    const doubtMs = server.answers.doubtMs(this.#context.clock.now);
    if (doubtMs < backend.sidestepMs) return server;
    return this.#pick(session, backend, true, doubtMs) ?? server;
  }

  #attemptsMax(backend: Backend): number {
    return Math.min(backend.config.retries + 1, backend.servers.length);
  }

  /** Whether the connect is on its way. */
  #attempt(session: number, backend: Backend, server: Server): boolean {
    const { table, clock } = this.#context;
    const sessions = this.#sessions;
    table.attempts[session] = (table.attempts[session] ?? 0) + 1;
    this.#context.counters.add(backend.counters.choices, 1);
    const fd = this.#connect(session, server);
    if (fd < 0) {
      this.#noteFailure(backend, server, -fd);
      return false;
    }
    table.peer[session] = fd;
    table.server[session] = server.index + 1;
    table.phase[session] = PHASE_CONNECTING;
    if (backend.hedgeConnectMs > 0) {
      sessions.deadlines.setHedge(session, clock.now + backend.hedgeConnectMs);
    }
    sessions.deadlines.rearm(session);
    return true;
  }

  /** A socket on its way to the server, or the negated errno of a connect that failed at once. */
  #connect(session: number, server: Server): number {
    const { table } = this.#context;
    const sessions = this.#sessions;
    table.markTried(session, server.index);
    sessions.enlist(server);
    const fd = this.#openSocket(session, server);
    if (fd < 0) sessions.release(server, 0);
    else sessions.asked(fd, server);
    return fd;
  }

  #openSocket(session: number, server: Server): number {
    const { table, clock } = this.#context;
    const sessions = this.#sessions;
    let fd = openStream(server.family);
    if (isOutOfFiles(fd) && this.#context.reserve.give()) fd = openStream(server.family);
    if (fd < 0) return fd;
    if (fd >= table.size) {
      closeStream(fd);
      return -EMFILE;
    }
    delayAcknowledgement(fd);
    if (server.liveness !== null) setLiveness(fd, server.liveness);
    assert(server.address !== 0, 'a server without an address is not chosen');
    // Whatever keeps it from an address of its own, the server has no part in it.
    const bound = bindOutgoing(table, session, fd, server) === 0;
    const result = bound ? startConnect(fd, server.address, server.addressBytes) : -EADDRNOTAVAIL;
    if (result !== 0 && result !== -EINPROGRESS) {
      closeStream(fd);
      return result;
    }
    const generation = table.open(fd, ROLE_SERVER, clock.now);
    table.peer[fd] = session;
    table.flags[fd] = FRESH;
    if (!this.#context.queue.add(fd, generation, STREAM_EVENTS)) {
      sessions.closeSocket(fd, 'reset');
      return -ENOMEM;
    }
    return fd;
  }

  /**
   * The server behind `fd` is out: its connect failed with `error`, or with 0 it left a session that is
   * not open yet. A rival takes its place, or the next server is tried.
   */
  lost(session: number, fd: number, error: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const backend = backendOf(this.#context, session);
    const rival = table.rival[session] ?? 0;
    const server =
      fd === rival ? rivalOf(this.#context, session) : serverOf(this.#context, session);
    if (server === null) return;
    sessions.release(server, fd);
    sessions.closeSocket(fd, 'finish');
    this.#noteFailure(backend, server, error);
    if (rival === 0) {
      table.peer[session] = 0;
      table.server[session] = 0;
      sessions.deadlines.clearHedge(session);
      this.start(session, error === 0 ? 'SD' : error === ETIMEDOUT ? 'sC' : 'SC');
      return;
    }
    if (fd !== rival) this.#promote(session);
    table.rival[session] = 0;
    table.rivalServer[session] = 0;
    this.race(session);
  }

  /** The rival takes the first place; the other is the caller's to close. */
  #promote(session: number): void {
    const { table } = this.#context;
    const rival = table.rival[session] ?? 0;
    table.peer[session] = rival;
    table.server[session] = table.rivalServer[session] ?? 0;
    const joined = ((table.flags[rival] ?? 0) & JOINED) !== 0;
    table.phase[session] = joined ? PHASE_FLIGHT : PHASE_CONNECTING;
  }

  #noteFailure(backend: Backend, server: Server, error: number): void {
    const { counters, clock } = this.#context;
    counters.add(server.counters.connectErrors, 1);
    counters.add(server.counters.retries, 1);
    counters.add(server.counters.redispatches, 1);
    if (error === 0 || OWN_TROUBLE.has(error)) return;
    if (clock.now - server.reportedAt < REPORT_INTERVAL_MS) return;
    server.reportedAt = clock.now;
    this.#context.connectFailed(backend.config.name, server.config.name, errorText(error));
  }

  // --- races ------------------------------------------------------------------------------------

  /** The first server has had its time. */
  overdue(session: number): void {
    const stage = this.#context.table.phase[session] === PHASE_CONNECTING ? 'connect' : 'answer';
    const server = serverOf(this.#context, session);
    server?.answers.overdue(stage, this.#waitedMsOf(session), this.#context.clock.now);
    this.race(session);
  }

  /** For the first server, ms. */
  #waitedMsOf(session: number): number {
    const { table, clock } = this.#context;
    return clock.now - (table.askedAt[table.peer[session] ?? 0] ?? 0);
  }

  /**
   * Has a second server race the first, where there is one left to try with room that is not as slow, and
   * hedges are within their budget. Otherwise it is tried again a little later.
   */
  race(session: number): void {
    const { table, clock, counters } = this.#context;
    const sessions = this.#sessions;
    sessions.deadlines.clearHedge(session);
    const backend = backendOf(this.#context, session);
    const slow = serverOf(this.#context, session);
    const waitedMs = this.#waitedMsOf(session);
    let refused = !backend.hedges.allows(clock.now);
    // Every turn tries a server that no turn tried before.
    for (let turn = 0; turn < backend.servers.length && !refused; turn++) {
      const server = this.#pick(session, backend, true, waitedMs);
      refused = server === null && this.#sawSlow;
      if (server === null) break;
      const fd = this.#connect(session, server);
      if (fd < 0) {
        this.#noteFailure(backend, server, -fd);
        continue;
      }
      table.rival[session] = fd;
      table.rivalServer[session] = server.index + 1;
      backend.hedges.sent(clock.now);
      if (slow !== null) counters.add(slow.counters.hedges, 1);
      break;
    }
    if (refused) this.#postponeRace(session, slow);
    sessions.deadlines.rearm(session);
  }

  #postponeRace(session: number, slow: Server | null): void {
    const { table, clock, counters } = this.#context;
    this.#sessions.deadlines.setHedge(session, clock.now + HEDGE_AGAIN_MS);
    const flags = table.flags[session] ?? 0;
    if ((flags & HEDGE_REFUSED) !== 0) return;
    table.flags[session] = flags | HEDGE_REFUSED;
    if (slow !== null) counters.add(slow.counters.hedgesRefused, 1);
  }

  /** The server behind `fd` wins the session; another in the race is closed. */
  settle(session: number, fd: number): void {
    const { table } = this.#context;
    const sessions = this.#sessions;
    sessions.deadlines.clearHedge(session);
    const rival = table.rival[session] ?? 0;
    if (rival === 0) return;
    if (fd === rival) {
      const first = table.peer[session] ?? 0;
      const loser = serverOf(this.#context, session);
      this.#promote(session);
      const winner = serverOf(this.#context, session);
      if (winner !== null) this.#context.counters.add(winner.counters.hedgesWon, 1);
      if (loser !== null) sessions.release(loser, first);
      sessions.closeSocket(first, 'reset');
      table.rival[session] = 0;
      table.rivalServer[session] = 0;
    } else sessions.dropRival(session);
  }

  /**
   * The first server goes with the old configuration. Whether the session has none now; a rival takes its
   * place.
   */
  uproot(session: number): boolean {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const server = serverOf(this.#context, session);
    sessions.deadlines.clearHedge(session);
    const socket = table.peer[session] ?? 0;
    if (server !== null) sessions.release(server, socket);
    sessions.closeSocket(socket, 'reset');
    if ((table.rival[session] ?? 0) === 0) {
      table.peer[session] = 0;
      table.server[session] = 0;
      return true;
    }
    this.#promote(session);
    table.rival[session] = 0;
    table.rivalServer[session] = 0;
    return false;
  }

  // --- waiting lines ----------------------------------------------------------------------------

  /** `server`: the only one it waits for; null, or where that one's line is full: any. */
  #enqueue(session: number, backend: Backend, server: Server | null): void {
    const { table, counters, lines, clock } = this.#context;
    const sessions = this.#sessions;
    const max = server?.config.queueMax ?? 0;
    const own = server !== null && (max === 0 || lines.length(server.line) < max);
    const line = own ? server.line : backend.line;
    const block = own ? server.counters : backend.counters;
    table.phase[session] = PHASE_QUEUED;
    table.queuedAt[session] = clock.now;
    lines.append(line, session);
    counters.add(block.queueCurrent, 1);
    counters.raise(block.queueMax, counters.sum(block.queueCurrent));
    sessions.deadlines.rearm(session);
  }

  /** Called once per turn: who waits gets what room there is. */
  serveLines(backends: readonly Backend[]): void {
    if (this.#context.lines.total === 0) return;
    for (const backend of backends) {
      if (!backend.limited) continue;
      for (const server of backend.servers) {
        if (server.line !== -1) this.#letOut(backend, server);
      }
      this.#letOut(backend, null);
    }
  }

  #letOut(backend: Backend, own: Server | null): void {
    const line = own === null ? backend.line : own.line;
    for (let count = 0; count < LET_OUT_MAX; count++) {
      const session = this.#context.lines.head(line);
      if (session === -1) return;
      const server = this.#pick(session, backend, own === null);
      if (server === null) return;
      // A server that went down hands its line over to those that clients now belong to.
      if (own !== null && server === own && this.#isFull(own.index)) return;
      this.#sessions.leaveLine(session);
      if (own !== null && server !== own) this.start(session, 'SC');
      else if (!this.#attempt(session, backend, server)) this.start(session, 'SC');
    }
  }
}

function isOutOfFiles(result: number): boolean {
  return result === -EMFILE || result === -ENFILE;
}
