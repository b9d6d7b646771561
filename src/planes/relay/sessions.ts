/**
 * Life and books of the sessions of one relay: opening, counting, timeouts, closing and the log line.
 * What moves bytes or chooses servers asks here and keeps nothing of its own.
 */

import { sourceHash } from '../../balance/source.ts';
import { assert } from '../../core/assert.ts';
import { AF_INET, AF_INET6 } from '../../linux/sockets.ts';
import { closeStream, lastAddress, localAddress, resetOnClose } from '../../linux/stream-calls.ts';
import {
  acceptDate,
  connectLine,
  type TerminationCode,
  tcplogLine,
} from '../../stats/connection-log.ts';
import type { ConnectionLogWriter } from './connection-log-writer.ts';
import type { Counters } from './counters.ts';

import type { MoverOwner } from './mover.ts';
import type { Backend, Frontend, Routes, Server } from './routes.ts';
import {
  FINISHED,
  PEER_ADDRESS_BYTES,
  PHASE_CONNECTING,
  PHASE_GREETING,
  PHASE_OPEN,
  PHASE_QUEUED,
  ROLE_CLIENT,
  ROLE_NONE,
  type SocketTable,
} from './socket-table.ts';
import { socketText } from './socket-text.ts';
import type { TimingWheel } from './timing-wheel.ts';

/** A header in front of a connection is sent at once: whoever waits longer sends none. */
const GREETING_MS_MAX = 10_000;

/** How sockets are closed: with FIN, or with RST so that nobody takes it for an end. */
type CloseMode = 'finish' | 'reset';

export class Sessions implements MoverOwner {
  private readonly table: SocketTable;
  private readonly routes: Routes;
  private readonly counters: Counters;
  private readonly wheel: TimingWheel;
  private readonly logs: ConnectionLogWriter;
  /** Gives back what a direction borrowed; set by the relay. */
  private readonly dropHeld: (fd: number) => void;
  /** Ends what a session that is not open yet has begun; set by the relay. */
  private readonly abandonOpening: (session: number) => void;
  /** Sessions whose race may begin soon: the loop must look at its clock often. */
  hedgesArmed = 0;
  /** ms, monotonic; set by the loop once per turn. */
  now = 0;

  constructor(
    table: SocketTable,
    routes: Routes,
    counters: Counters,
    wheel: TimingWheel,
    logs: ConnectionLogWriter,
    dropHeld: (fd: number) => void,
    abandonOpening: (session: number) => void,
  ) {
    this.table = table;
    this.routes = routes;
    this.counters = counters;
    this.wheel = wheel;
    this.logs = logs;
    this.dropHeld = dropHeld;
    this.abandonOpening = abandonOpening;
  }

  /** A client was accepted; its address is in lastAddress. Returns its epoll generation. */
  open(client: number, frontend: Frontend): number {
    const { table, counters } = this;
    const generation = table.open(client, ROLE_CLIENT, this.now);
    table.frontend[client] = frontend.index + 1;
    table.server[client] = 0;
    table.phase[client] = PHASE_OPEN;
    table.attempts[client] = 0;
    table.tunnel[client] = 0;
    table.acceptedAt[client] = this.now;
    table.connectMs[client] = -1;
    // Untouched pages of columns that are rarely used cost no memory.
    if (table.waitedMs[client] !== 0) table.waitedMs[client] = 0;
    table.sourceHash[client] = hashAddress(lastAddress, 0);
    table.clearTried(client);
    const { relay } = this.routes;
    const everywhere = counters.sum(relay.connectionsCurrent) + 1;
    this.begin(relay.connectionsTotal, relay.connectionsCurrent, relay.connectionsMax, everywhere);
    const own = frontend.counters;
    const there = counters.sum(own.connectionsCurrent) + 1;
    this.begin(own.connectionsTotal, own.connectionsCurrent, own.connectionsMax, there);
    const behind = frontend.backend.counters;
    const sessions = counters.sum(behind.sessionsCurrent) + 1;
    this.begin(behind.sessionsTotal, behind.sessionsCurrent, behind.sessionsMax, sessions);
    if (frontend.keepsAddress) this.noteAddress(client, frontend);
    // With a PROXY protocol header to come, the client's address is not known yet.
    if (frontend.logs && !frontend.acceptProxy) this.logBegin(client, frontend);
    return generation;
  }

  private begin(total: number, current: number, max: number, now: number): void {
    this.counters.add(total, 1);
    this.counters.add(current, 1);
    this.counters.raise(max, now);
  }

  private noteAddress(client: number, frontend: Frontend): void {
    const { table } = this;
    if (frontend.logs) table.acceptedWall[client] = Date.now();
    const start = client * PEER_ADDRESS_BYTES;
    for (let at = 0; at < PEER_ADDRESS_BYTES; at++) {
      table.address[start + at] = lastAddress[at] ?? 0;
    }
    // Of an earlier life of the descriptor.
    if (table.destination[start] !== 0) table.destination[start] = 0;
  }

  /** The line at the beginning of a session, once its client is known. */
  logBegin(client: number, frontend: Frontend): void {
    const { table, logs } = this;
    const { log, name } = frontend.config;
    if (log.format !== 'connect') return;
    const start = client * PEER_ADDRESS_BYTES;
    const source = socketText(table.address, start);
    const named = table.destination[start] !== 0;
    if (!named) localAddress(client);
    const target = named ? socketText(table.destination, start) : socketText(lastAddress, 0);
    logs.write(log.targets, connectLine(source, target, name), table.acceptedWall[client] ?? 0);
  }

  frontendOf(session: number): Frontend {
    const frontend = this.routes.frontends[(this.table.frontend[session] ?? 0) - 1];
    assert(frontend !== undefined, 'a session has a frontend');
    return frontend;
  }

  backendOf(session: number): Backend {
    return this.frontendOf(session).backend;
  }

  serverOf(session: number): Server | null {
    const index = this.table.server[session] ?? 0;
    return index === 0 ? null : (this.backendOf(session).servers[index - 1] ?? null);
  }

  /** The second server of a race. */
  rivalOf(session: number): Server | null {
    const index = this.table.rivalServer[session] ?? 0;
    return index === 0 ? null : (this.backendOf(session).servers[index - 1] ?? null);
  }

  /** A server is given a session, which may be one of two that race for it. */
  enlist(server: Server): void {
    const { counters } = this;
    const own = server.counters;
    const there = counters.sum(own.sessionsCurrent) + 1;
    this.begin(own.sessionsTotal, own.sessionsCurrent, own.sessionsMax, there);
    // 0 says "never", so the very first millisecond counts as the second.
    counters.set(own.lastSessionMs, Math.max(1, this.now));
  }

  /** Its connect failed, or another server won. */
  release(server: Server): void {
    this.counters.add(server.counters.sessionsCurrent, -1);
  }

  /** The server answered the connect of `socket`. */
  established(session: number, socket: number, server: Server): void {
    const { table, counters } = this;
    const spentMs = this.now - (table.activeAt[socket] ?? 0);
    table.connectMs[session] = this.now - (table.acceptedAt[session] ?? 0);
    counters.add(server.counters.connects, 1);
    counters.add(server.counters.connectTimeTotalMs, spentMs);
    counters.raise(server.counters.connectTimeMaxMs, spentMs);
    table.activeAt[socket] = this.now;
  }

  // --- bytes ------------------------------------------------------------------------------------

  moved(source: number, bytes: number, spliced: boolean): void {
    const { table, counters } = this;
    const fromClient = table.role[source] === ROLE_CLIENT;
    const session = fromClient ? source : (table.peer[source] ?? 0);
    const before = table.bytes[source] ?? 0;
    table.bytes[source] = before + bytes;
    const frontend = this.frontendOf(session);
    const backend = frontend.backend;
    const server = backend.servers[(table.server[session] ?? 0) - 1];
    if (fromClient) {
      counters.add(frontend.counters.bytesIn, bytes);
      counters.add(backend.counters.bytesIn, bytes);
      if (server !== undefined) counters.add(server.counters.bytesIn, bytes);
    } else {
      counters.add(frontend.counters.bytesOut, bytes);
      counters.add(backend.counters.bytesOut, bytes);
      if (server !== undefined) counters.add(server.counters.bytesOut, bytes);
    }
    if (spliced) counters.add(this.routes.relay.splicedBytes, bytes);
    if (before === 0) this.checkTunnel(session, backend);
  }

  private checkTunnel(session: number, backend: Backend): void {
    const { table } = this;
    const peer = table.peer[session] ?? 0;
    if ((table.bytes[session] ?? 0) === 0 || (table.bytes[peer] ?? 0) === 0) return;
    table.tunnel[session] = 1;
    if (!Number.isNaN(backend.tunnelTimeoutMs)) this.rearm(session);
  }

  halfClosed(receiver: number): void {
    // The fin timeouts count from here.
    this.table.activeAt[receiver] = this.now;
    this.rearm(this.table.sessionOf(receiver));
  }

  // --- timeouts ---------------------------------------------------------------------------------

  rearm(session: number): void {
    this.wheel.arm(session, this.deadline(session));
  }

  /** Lets a second server join at `at`, ms, unless the first has answered. */
  setHedge(session: number, at: number): void {
    if (this.table.hedgeAt[session] === 0) this.hedgesArmed++;
    this.table.hedgeAt[session] = at;
  }

  clearHedge(session: number): void {
    if (this.table.hedgeAt[session] === 0) return;
    this.hedgesArmed--;
    this.table.hedgeAt[session] = 0;
  }

  /** Whether it is time for a second server. */
  hedgeDue(session: number): boolean {
    const at = this.table.hedgeAt[session] ?? 0;
    return at !== 0 && at <= this.now;
  }

  /** ms; Infinity: none. */
  deadline(session: number): number {
    const { table } = this;
    switch (table.phase[session]) {
      case PHASE_OPEN:
        return Math.min(this.clientDeadline(session), this.serverDeadline(session));
      case PHASE_GREETING: {
        const patience = Math.min(GREETING_MS_MAX, this.frontendOf(session).clientTimeoutMs);
        return (table.acceptedAt[session] ?? 0) + patience;
      }
      case PHASE_QUEUED:
        return (table.queuedAt[session] ?? 0) + this.backendOf(session).queueTimeoutMs;
      case PHASE_CONNECTING:
        return Math.min(this.connectDeadline(session), this.hedgeTime(session));
      default:
        return Math.min(
          this.clientDeadline(session),
          this.serverDeadline(session),
          this.hedgeTime(session),
        );
    }
  }

  /** When the first server has had its time to answer the connect. */
  connectDeadline(session: number): number {
    const socket = this.table.peer[session] ?? 0;
    return (this.table.activeAt[socket] ?? 0) + this.backendOf(session).connectTimeoutMs;
  }

  private hedgeTime(session: number): number {
    return this.table.hedgeAt[session] || Number.POSITIVE_INFINITY;
  }

  /** Which side's silence a passed deadline is. */
  timedOut(session: number): TerminationCode {
    return this.clientDeadline(session) <= this.serverDeadline(session) ? 'cD' : 'sD';
  }

  private clientDeadline(session: number): number {
    const { table } = this;
    // While the server alone does not take its bytes, the client has nothing to prove.
    if (this.waitsOnlyFor(table.peer[session] ?? 0)) return Number.POSITIVE_INFINITY;
    const frontend = this.frontendOf(session);
    const timeout =
      ((table.flags[session] ?? 0) & FINISHED) !== 0
        ? frontend.clientFinTimeoutMs
        : this.tunnelOr(session, frontend.backend, frontend.clientTimeoutMs);
    return (table.activeAt[session] ?? 0) + timeout;
  }

  private serverDeadline(session: number): number {
    const { table } = this;
    if (this.waitsOnlyFor(session)) return Number.POSITIVE_INFINITY;
    const backend = this.backendOf(session);
    const socket = table.peer[session] ?? 0;
    const timeout =
      ((table.flags[socket] ?? 0) & FINISHED) !== 0
        ? backend.serverFinTimeoutMs
        : this.tunnelOr(session, backend, backend.serverTimeoutMs);
    return (table.activeAt[socket] ?? 0) + timeout;
  }

  /** Bytes wait for this socket, and none for its peer. */
  private waitsOnlyFor(fd: number): boolean {
    const { table } = this;
    const peer = table.peer[fd] ?? 0;
    return (table.held[peer] ?? 0) > 0 && (table.held[fd] ?? 0) === 0;
  }

  private tunnelOr(session: number, backend: Backend, timeoutMs: number): number {
    const tunnel = this.table.tunnel[session] === 1 && !Number.isNaN(backend.tunnelTimeoutMs);
    return tunnel ? backend.tunnelTimeoutMs : timeoutMs;
  }

  // --- the end ----------------------------------------------------------------------------------

  /** Ends a session for good, with its log line. */
  close(session: number, termination: TerminationCode, mode: CloseMode): void {
    const { table, counters } = this;
    const frontend = this.frontendOf(session);
    if (table.phase[session] !== PHASE_OPEN) this.abandonOpening(session);
    const server = this.serverOf(session);
    const socket = table.peer[session] ?? 0;
    this.countEnd(frontend, server, termination);
    this.wheel.disarm(session);
    counters.add(frontend.backend.counters.sessionsCurrent, -1);
    if (server !== null) {
      const own = server.counters;
      const spentMs = this.now - (table.acceptedAt[session] ?? 0);
      counters.add(own.sessionsCurrent, -1);
      counters.add(own.sessionTimeTotalMs, spentMs);
      counters.raise(own.sessionTimeMaxMs, spentMs);
    }
    if (frontend.logs) this.logEnd(session, frontend, server, termination);
    counters.add(frontend.counters.connectionsCurrent, -1);
    counters.add(this.routes.relay.connectionsCurrent, -1);
    this.closeSocket(session, mode);
    if (socket !== 0) this.closeSocket(socket, mode);
  }

  /** Closes one socket; the session goes on without it only while it looks for a server. */
  closeSocket(fd: number, mode: CloseMode): void {
    const { table } = this;
    assert(table.role[fd] !== ROLE_NONE, 'a socket is closed once');
    this.dropHeld(fd);
    table.forget(fd);
    if (mode === 'reset') resetOnClose(fd);
    closeStream(fd);
  }

  private countEnd(frontend: Frontend, server: Server | null, termination: TerminationCode): void {
    const { counters } = this;
    const behind = frontend.backend.counters;
    switch (termination) {
      case 'CC':
      case 'CD':
      case 'CQ':
        counters.add(frontend.counters.clientResets, 1);
        counters.add(behind.clientAborts, 1);
        if (server !== null) counters.add(server.counters.clientAborts, 1);
        return;
      case 'SD':
        counters.add(behind.serverAborts, 1);
        if (server !== null) counters.add(server.counters.serverAborts, 1);
        return;
      case 'SC':
      case 'sC':
      case 'sQ':
        counters.add(behind.connectErrors, 1);
        return;
      case 'PR':
      case 'cR':
        counters.add(frontend.counters.badGreetings, 1);
        return;
      case '--':
      case 'cD':
      case 'sD':
      case 'KD':
        return;
    }
  }

  private logEnd(
    session: number,
    frontend: Frontend,
    server: Server | null,
    termination: TerminationCode,
  ): void {
    const { table, counters, logs } = this;
    const { log, name } = frontend.config;
    if (log.format !== 'tcplog') return;
    if (log.dontLogNull && table.bytes[session] === 0) return;
    const { backend } = frontend;
    const acceptedWall = table.acceptedWall[session] ?? 0;
    const attempts = table.attempts[session] ?? 0;
    const last = server ?? this.lastTried(session, backend);
    const line = tcplogLine({
      client: socketText(table.address, session * PEER_ADDRESS_BYTES),
      acceptDate: acceptDate(logs.timeAt(acceptedWall), Math.floor(acceptedWall % 1000)),
      frontend: name,
      backend: backend.config.name,
      server: last?.config.name ?? null,
      waitMs: last === null ? -1 : Math.floor(table.waitedMs[session] ?? 0),
      connectMs: Math.floor(table.connectMs[session] ?? -1),
      totalMs: Math.floor(this.now - (table.acceptedAt[session] ?? 0)),
      bytes: table.bytes[table.peer[session] ?? 0] ?? 0,
      termination,
      connections: counters.sum(this.routes.relay.connectionsCurrent),
      frontendConnections: counters.sum(frontend.counters.connectionsCurrent),
      backendConnections: counters.sum(backend.counters.sessionsCurrent),
      serverConnections: last === null ? 0 : counters.sum(last.counters.sessionsCurrent),
      retries: Math.max(0, attempts - 1),
    });
    logs.write(log.targets, line, Date.now());
  }

  /** The log names a server also when every connect failed: any of those tried. */
  private lastTried(session: number, backend: Backend): Server | null {
    for (const server of backend.servers) {
      if (this.table.isTried(session, server.index)) return server;
    }
    return null;
  }
}

/** Of the struct sockaddr at `offset`; 0 for one without an IP address. */
export function hashAddress(address: Uint8Array, offset: number): number {
  const family = (address[offset] ?? 0) | ((address[offset + 1] ?? 0) << 8);
  if (family === AF_INET) return sourceHash(address, offset + 4, 4);
  if (family === AF_INET6) return sourceHash(address, offset + 8, 16);
  return 0;
}
