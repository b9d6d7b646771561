/**
 * Life and books of the sessions of one relay: opening, counting, closing, and what they give back then.
 * What moves bytes or chooses servers asks here and keeps nothing of its own.
 */

import { sourceHash } from '../../../balance/source.ts';
import { assert } from '../../../core/assert.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';
import { closeStream, lastAddress, resetOnClose } from '../../../linux/stream-calls.ts';
import type { TerminationCode } from '../../../stats/connection-log.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend, Server } from '../routes/routes.ts';
import { dropHeld } from '../transfer/held-bytes.ts';
import type { MoverOwner } from '../transfer/mover.ts';
import { Deadlines } from './deadlines.ts';
import { logBegin, logEnd, noteAddress } from './session-log.ts';
import { backendOf, chosenBackend, frontendOf, rivalOf, serverOf } from './session-routes.ts';
import { PHASE_OPEN, ROLE_CLIENT, ROLE_NONE, TRACK_PLACES } from './socket-table.ts';

/** How sockets are closed: with FIN, or with RST so that nobody takes it for an end. */
type CloseMode = 'finish' | 'reset';

export class Sessions implements MoverOwner {
  readonly deadlines: Deadlines;
  readonly #context: RelayContext;

  constructor(context: RelayContext) {
    this.#context = context;
    this.deadlines = new Deadlines(context);
  }

  /** A client was accepted; its address is in lastAddress. Returns its epoll generation. */
  open(client: number, frontend: Frontend): number {
    const { table, counters, routes, clock } = this.#context;
    const generation = table.open(client, ROLE_CLIENT, clock.now);
    table.frontend[client] = frontend.index + 1;
    table.backend[client] = 0;
    table.server[client] = 0;
    table.phase[client] = PHASE_OPEN;
    table.attempts[client] = 0;
    table.tunnel[client] = 0;
    table.acceptedAt[client] = clock.now;
    table.connectMs[client] = -1;
    // Untouched pages of columns that are rarely used cost no memory.
    if (table.waitedMs[client] !== 0) table.waitedMs[client] = 0;
    if (table.inspectUntil[client] !== 0) table.inspectUntil[client] = 0;
    if (table.inspected[client] !== 0) table.inspected[client] = 0;
    table.sourceHash[client] = hashAddress(lastAddress, 0);
    table.clearTried(client);
    const { relay } = routes;
    const everywhere = counters.sum(relay.connectionsCurrent) + 1;
    this.#begin(relay.connectionsTotal, relay.connectionsCurrent, relay.connectionsMax, everywhere);
    const own = frontend.counters;
    const there = counters.sum(own.connectionsCurrent) + 1;
    this.#begin(own.connectionsTotal, own.connectionsCurrent, own.connectionsMax, there);
    if (frontend.keepsAddress) noteAddress(this.#context, client, frontend);
    // With a PROXY protocol header to come, the client's address is not known yet.
    if (frontend.logs && !frontend.acceptProxy) logBegin(this.#context, client, frontend);
    return generation;
  }

  /** A client was accepted and turned away before it had a session. */
  deny(frontend: Frontend): void {
    const { counters, routes } = this.#context;
    const own = frontend.counters;
    counters.add(routes.relay.connectionsTotal, 1);
    counters.add(own.connectionsTotal, 1);
    counters.add(own.connectionsDenied, 1);
    counters.raise(own.connectionsMax, counters.sum(own.connectionsCurrent) + 1);
  }

  /** It has a session: rules over connections have let it in. */
  admit(session: number): void {
    this.#context.counters.add(frontendOf(this.#context, session).counters.sessionsTotal, 1);
  }

  /** The client has been let in, and is led to this backend. */
  assign(session: number, backend: Backend): void {
    const { table, counters } = this.#context;
    assert(table.backend[session] === 0, 'a session is led to one backend');
    table.backend[session] = backend.index + 1;
    const own = backend.counters;
    const sessions = counters.sum(own.sessionsCurrent) + 1;
    this.#begin(own.sessionsTotal, own.sessionsCurrent, own.sessionsMax, sessions);
  }

  /** It was turned away in front of its backend, or there: what it has said goes nowhere. */
  countDiscarded(session: number): void {
    const { table, counters } = this.#context;
    const frontend = frontendOf(this.#context, session);
    const bytes = table.inspected[session] ?? 0;
    counters.add(frontend.counters.bytesIn, bytes);
    const backend = chosenBackend(this.#context, session) ?? ownBackend(frontend);
    if (backend !== null) counters.add(backend.counters.bytesIn, bytes);
  }

  #begin(total: number, current: number, max: number, now: number): void {
    const { counters } = this.#context;
    counters.add(total, 1);
    counters.add(current, 1);
    counters.raise(max, now);
  }

  /** A server is given a session, which may be one of two that race for it. */
  enlist(server: Server): void {
    const { counters, clock } = this.#context;
    const own = server.counters;
    const there = counters.sum(own.sessionsCurrent) + 1;
    this.#begin(own.sessionsTotal, own.sessionsCurrent, own.sessionsMax, there);
    // 0 says "never", so the very first millisecond counts as the second.
    counters.set(own.lastSessionMs, Math.max(1, clock.now));
  }

  /** Its connect failed, or another server won. `socket`: still open; 0: there is none. */
  release(server: Server, socket: number): void {
    this.heard(socket, server);
    this.#context.counters.lower(server.counters.sessionsCurrent);
  }

  /** An answer of the server behind `socket` is waited for from now on. */
  asked(socket: number, server: Server): void {
    const { table, clock } = this.#context;
    assert(table.askedAt[socket] === 0, 'one answer of a server is waited for');
    table.askedAt[socket] = clock.now;
    server.answers.began(clock.now);
  }

  /** It is not waited for any more, where it was. Returns for how long, ms; 0: not at all. */
  heard(socket: number, server: Server): number {
    const { table, clock } = this.#context;
    const askedAt = table.askedAt[socket] ?? 0;
    if (askedAt === 0) return 0;
    table.askedAt[socket] = 0;
    server.answers.ended(askedAt);
    return clock.now - askedAt;
  }

  /** The server answered the connect of `socket`. */
  established(session: number, socket: number, server: Server): void {
    const { table, counters, clock } = this.#context;
    const spentMs = clock.now - (table.activeAt[socket] ?? 0);
    this.heard(socket, server);
    server.answers.connected();
    table.connectMs[session] = clock.now - (table.acceptedAt[session] ?? 0);
    counters.add(server.counters.connects, 1);
    counters.add(server.counters.connectTimeTotalMs, spentMs);
    counters.raise(server.counters.connectTimeMaxMs, spentMs);
    table.activeAt[socket] = clock.now;
  }

  // --- bytes ------------------------------------------------------------------------------------

  moved(source: number, bytes: number, spliced: boolean): void {
    const { table, routes, counters } = this.#context;
    const fromClient = table.role[source] === ROLE_CLIENT;
    const session = fromClient ? source : (table.peer[source] ?? 0);
    const before = table.bytes[source] ?? 0;
    table.bytes[source] = before + bytes;
    const frontend = frontendOf(this.#context, session);
    const backend = backendOf(this.#context, session);
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
    if (spliced) counters.add(routes.relay.splicedBytes, bytes);
    if (before === 0) this.#checkTunnel(session, backend);
  }

  #checkTunnel(session: number, backend: Backend): void {
    const { table } = this.#context;
    const peer = table.peer[session] ?? 0;
    if ((table.bytes[session] ?? 0) === 0 || (table.bytes[peer] ?? 0) === 0) return;
    table.tunnel[session] = 1;
    if (!Number.isNaN(backend.tunnelTimeoutMs)) this.deadlines.rearm(session);
  }

  halfClosed(receiver: number): void {
    const { table, clock } = this.#context;
    // The fin timeouts count from here.
    table.activeAt[receiver] = clock.now;
    this.deadlines.rearm(table.sessionOf(receiver));
  }

  // --- before it is open --------------------------------------------------------------------------

  /** Takes a session out of its line: it goes to a server, or away. */
  leaveLine(session: number): void {
    const { table, counters, lines, clock } = this.#context;
    const backend = backendOf(this.#context, session);
    const line = lines.lineOf(session);
    const own = backend.servers.find((server) => server.line === line);
    counters.lower((own ?? backend).counters.queueCurrent);
    lines.remove(session);
    table.waitedMs[session] =
      (table.waitedMs[session] ?? 0) + clock.now - (table.queuedAt[session] ?? 0);
  }

  /** The second server of a race is out. */
  dropRival(session: number): void {
    const { table } = this.#context;
    const rival = table.rival[session] ?? 0;
    if (rival === 0) return;
    const server = rivalOf(this.#context, session);
    table.rival[session] = 0;
    table.rivalServer[session] = 0;
    if (server !== null) this.release(server, rival);
    this.closeSocket(rival, 'reset');
  }

  /** Gives back what a session that is not open yet has begun. */
  #abandonOpening(session: number): void {
    this.deadlines.clearHedge(session);
    if (this.#context.lines.lineOf(session) !== -1) this.leaveLine(session);
    this.dropRival(session);
    const server = serverOf(this.#context, session);
    if (server !== null) this.heard(this.#context.table.peer[session] ?? 0, server);
  }

  // --- the end ----------------------------------------------------------------------------------

  /** Ends one that rules do not let in, of which the log says nothing, as in HAProxy. */
  dismiss(session: number): void {
    this.#end(session, 'PR', 'finish', false);
  }

  /** Ends a session for good, with its log line. */
  close(session: number, termination: TerminationCode, mode: CloseMode): void {
    this.#end(session, termination, mode, frontendOf(this.#context, session).logs);
  }

  #end(session: number, termination: TerminationCode, mode: CloseMode, logs: boolean): void {
    const { table, routes, counters, wheel, clock } = this.#context;
    const frontend = frontendOf(this.#context, session);
    if (table.phase[session] !== PHASE_OPEN) this.#abandonOpening(session);
    const backend = chosenBackend(this.#context, session);
    const server = serverOf(this.#context, session);
    const socket = table.peer[session] ?? 0;
    this.#countEnd(frontend, backend, server, termination);
    wheel.disarm(session);
    if (backend !== null) counters.lower(backend.counters.sessionsCurrent);
    if (server !== null) {
      const own = server.counters;
      const spentMs = clock.now - (table.acceptedAt[session] ?? 0);
      counters.lower(own.sessionsCurrent);
      counters.add(own.sessionTimeTotalMs, spentMs);
      counters.raise(own.sessionTimeMaxMs, spentMs);
    }
    if (logs) logEnd(this.#context, session, server, termination);
    this.forgetTracked(session);
    counters.lower(frontend.counters.connectionsCurrent);
    counters.lower(routes.relay.connectionsCurrent);
    this.closeSocket(session, mode);
    if (socket !== 0) this.closeSocket(socket, mode);
  }

  /** What its rules have counted it for has one connection less. `client`: may have no session yet. */
  forgetTracked(client: number): void {
    const { table, routes, clock } = this.#context;
    if (routes.tables.length === 0) return;
    for (let at = client * TRACK_PLACES; at < (client + 1) * TRACK_PLACES; at++) {
      const place = table.tracked[at] ?? 0;
      if (place === 0) continue;
      table.tracked[at] = 0;
      routes.tables[table.trackedTable[at] ?? 0]?.leave(place - 1, clock.now);
    }
  }

  /** Closes one socket; the session goes on without it only while it looks for a server. */
  closeSocket(fd: number, mode: CloseMode): void {
    const { table } = this.#context;
    assert(table.role[fd] !== ROLE_NONE, 'a socket is closed once');
    assert(table.askedAt[fd] === 0, 'nobody waits for a socket that is closed');
    dropHeld(this.#context, fd);
    table.forget(fd);
    if (mode === 'reset') resetOnClose(fd);
    closeStream(fd);
  }

  #countEnd(
    frontend: Frontend,
    backend: Backend | null,
    server: Server | null,
    termination: TerminationCode,
  ): void {
    const { counters } = this.#context;
    const count = (offset: number | undefined): void => {
      if (offset !== undefined) counters.add(offset, 1);
    };
    switch (termination) {
      case 'CC':
      case 'CD':
      case 'CQ':
      case 'CR':
        count(frontend.counters.clientResets);
        count(backend?.counters.clientAborts);
        count(server?.counters.clientAborts);
        return;
      case 'SD':
        count(backend?.counters.serverAborts);
        count(server?.counters.serverAborts);
        return;
      case 'SC':
      case 'sC':
      case 'sQ':
        count(backend?.counters.connectErrors);
        return;
      case 'PR':
      case 'cR':
      case '--':
      case 'cD':
      case 'sD':
      case 'KD':
        return;
    }
  }
}

/** Of a `listen`: what it turns away was meant for no other. */
function ownBackend({ config, backend }: Frontend): Backend | null {
  return backend.config.listen && backend.config.name === config.name ? backend : null;
}

/** Of the struct sockaddr at `offset`; 0 for one without an IP address. */
export function hashAddress(address: Uint8Array, offset: number): number {
  const family = (address[offset] ?? 0) | ((address[offset + 1] ?? 0) << 8);
  if (family === AF_INET) return sourceHash(address, offset + 4, 4);
  if (family === AF_INET6) return sourceHash(address, offset + 8, 16);
  return 0;
}
