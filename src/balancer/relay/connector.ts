/**
 * Finds a server for a session: picks one, starts a non-blocking connect, and goes to the next at once
 * when that fails, so that the client notices nothing. No server is tried twice for one session.
 */

import type { PickContext } from '../../balance/picker.ts';
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type EventQueue } from '../../linux/epoll.ts';
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
} from '../../linux/errno.ts';
import { closeStream, openStream, setNoDelay, startConnect } from '../../linux/stream-calls.ts';
import type { TerminationCode } from '../../stats/connection-log.ts';
import type { Counters } from './counters.ts';
import type { Backend, Server } from './routes.ts';
import type { Sessions } from './sessions.ts';
import { ROLE_SERVER, type SocketTable } from './socket-table.ts';

/** Registered once per socket; edge-triggered. */
export const STREAM_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/** A server's failures are told at most this often: the listener counts reasons, not clients. */
const REPORT_INTERVAL_MS = 20;

/** What says nothing about the server: our own descriptors, memory or ports ran out. */
const OWN_TROUBLE = new Set([EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN]);

/** Told of every connect that the server did not take. */
export type ConnectFailed = (backend: number, server: number, reason: string) => void;

export class Connector implements PickContext {
  private readonly table: SocketTable;
  private readonly sessions: Sessions;
  private readonly queue: EventQueue;
  private readonly counters: Counters;
  private readonly failed: ConnectFailed;
  // The session being served: the pick context of the moment.
  private session = 0;
  private backend: Backend | null = null;

  constructor(
    table: SocketTable,
    sessions: Sessions,
    queue: EventQueue,
    counters: Counters,
    failed: ConnectFailed,
  ) {
    this.table = table;
    this.sessions = sessions;
    this.queue = queue;
    this.counters = counters;
    this.failed = failed;
  }

  // --- PickContext ------------------------------------------------------------------------------

  get sourceHash(): number {
    return this.table.sourceHash[this.session] ?? 0;
  }

  active(server: number): number {
    const counters = this.backend?.servers[server]?.counters;
    return counters === undefined ? 0 : this.counters.sum(counters.sessionsCurrent);
  }

  excluded(server: number): boolean {
    const max = this.backend?.servers[server]?.config.connectionsMax ?? 0;
    if (max > 0 && this.active(server) >= max) return true;
    return this.table.isTried(this.session, server);
  }

  random(): number {
    return Math.floor(Math.random() * 2 ** 32);
  }

  // ----------------------------------------------------------------------------------------------

  /**
   * Starts a connect to the next server. When there is none left the session is closed with RST, as
   * `outcome` says; a client that gets nothing must not wait for it. Servers that are full
   * (`connectionsMax`) count as not there: there is no queue for them.
   */
  start(session: number, outcome: TerminationCode): void {
    const backend = this.sessions.backendOf(session);
    this.session = session;
    this.backend = backend;
    const attemptsMax = Math.min(backend.config.retries + 1, backend.servers.length);
    let termination = outcome;
    for (let attempt = this.table.attempts[session] ?? 0; attempt < attemptsMax; attempt++) {
      const index = backend.picker.pick(this);
      const server = backend.servers[index];
      if (server === undefined) break;
      this.table.markTried(session, index);
      this.table.attempts[session] = attempt + 1;
      this.sessions.assign(session, server);
      const error = this.connect(session, server);
      if (error === 0) return;
      this.countFailure(session, backend, server, error);
      termination = 'SC';
    }
    this.sessions.close(session, termination, 'reset');
  }

  /** The connect that start() began has failed (errno); the next server is tried. */
  retry(session: number, error: number): void {
    const backend = this.sessions.backendOf(session);
    const server = this.sessions.serverOf(session);
    const socket = this.table.peer[session] ?? 0;
    if (server === null || socket === 0) return;
    this.sessions.closeSocket(socket, 'finish');
    this.table.peer[session] = 0;
    this.table.connecting[session] = 0;
    this.countFailure(session, backend, server, error);
    this.start(session, error === ETIMEDOUT ? 'sC' : 'SC');
  }

  /** 0, or the errno of a connect that failed at once. */
  private connect(session: number, server: Server): number {
    const { table, sessions } = this;
    const fd = openStream(server.family);
    if (fd < 0) return -fd;
    if (fd >= table.size) {
      closeStream(fd);
      return EMFILE;
    }
    setNoDelay(fd);
    const result = startConnect(fd, server.address, server.addressBytes);
    if (result !== 0 && result !== -EINPROGRESS) {
      closeStream(fd);
      return -result;
    }
    const generation = table.open(fd, ROLE_SERVER, sessions.now);
    table.peer[fd] = session;
    table.peer[session] = fd;
    table.connecting[session] = 1;
    table.connectAt[session] = sessions.now;
    if (!this.queue.add(fd, generation, STREAM_EVENTS)) {
      sessions.closeSocket(fd, 'reset');
      table.peer[session] = 0;
      table.connecting[session] = 0;
      return ENOMEM;
    }
    sessions.rearm(session);
    return 0;
  }

  private countFailure(session: number, backend: Backend, server: Server, error: number): void {
    const { counters, sessions } = this;
    sessions.unassign(session, server);
    counters.add(server.counters.connectErrors, 1);
    counters.add(server.counters.retries, 1);
    counters.add(server.counters.redispatches, 1);
    if (OWN_TROUBLE.has(error)) return;
    if (sessions.now - server.reportedAt < REPORT_INTERVAL_MS) return;
    server.reportedAt = sessions.now;
    this.failed(backend.index, server.index, errorText(error));
  }
}
