/**
 * Gives a relay at work another configuration. Its sessions are named by indexes into the routes: each gets
 * those of its successors, and one that has none, or that the new rules turn away, is reset. Runs between
 * two turns of the loop and to completion, so that nobody ever sees a part of it.
 */

import { assert } from '../../../core/assert.ts';
import {
  type Liveness,
  lastAddress,
  peerAddress,
  setLiveness,
} from '../../../linux/stream-calls.ts';
import { BACKEND, type CounterTable, FRONTEND, PLANE, SERVER } from '../../../stats/catalogue.ts';
import { namesOf } from '../../../stats/counts.ts';
import { counterLayout } from '../counting/counter-layout.ts';
import type { Counters } from '../counting/counters.ts';
import type { RelayOrder } from '../messages.ts';
import type { Admission } from '../opening/admission.ts';
import type { Opening } from '../opening/opening.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Sessions } from '../sessions/sessions.ts';
import {
  PEER_ADDRESS_BYTES,
  PHASE_OPEN,
  PHASE_QUEUED,
  ROLE_CLIENT,
  TRACK_PLACES,
} from '../sessions/socket-table.ts';
import { locate, type RouteChanges, routeChanges } from './route-changes.ts';
import { buildRoutes, type Frontend, type Routes } from './routes.ts';

/** The parts that sessions on their way are told of. */
type RelayParts = {
  readonly sessions: Sessions;
  readonly admission: Admission;
  readonly opening: Opening;
  /** Visits them all; those that a visit closes, too. */
  readonly eachSession: (visit: (session: number) => void) => void;
};

/** Returns how many sessions were reset. */
export function reconfigure(context: RelayContext, parts: RelayParts, order: RelayOrder): number {
  const { routes, counters, relay } = context;
  const layout = counterLayout(order.config);
  const next = buildRoutes(order.config, layout, order.snapshot.backends, context, order);
  const changes = routeChanges(
    locate(
      routes.config,
      routes.backends.map(({ snapshot }) => snapshot),
    ),
    locate(order.config, order.snapshot.backends),
  );
  inherit(routes, next);
  const move = new Move(context, parts, next, changes);
  move.leave();
  const totals = readTotals(counters, routes);
  const own = order.counters[relay];
  assert(own !== undefined, 'a relay has counters');
  const before = { frontends: routes.frontends, backends: routes.backends };
  Object.assign(routes, next);
  counters.replace(order.counters, own);
  writeTotals(counters, routes, totals, changes);
  move.arrive(before);
  return move.ended;
}

/** What was learnt of servers and sources that stay, and what hedges have cost. */
function inherit(before: Routes, after: Routes): void {
  for (const backend of after.backends) {
    const old = before.backends.find(({ config }) => config.name === backend.config.name);
    if (old !== undefined) backend.hedges = old.hedges;
    for (const server of backend.servers) {
      const known = old?.servers.find(
        ({ config, address }) => config.name === server.config.name && address === server.address,
      );
      if (known === undefined) continue;
      server.answers.learnFrom(known.answers);
      if (known.admission !== null) server.admission?.learnFrom(known.admission);
    }
  }
  for (const frontend of after.frontends) {
    const old = before.frontends.find(({ config }) => config.name === frontend.config.name);
    if (old === undefined || old.rate === null) continue;
    if (isSame(old.config.sourceRate, frontend.config.sourceRate)) frontend.rate = old.rate;
  }
}

/** The sessions on their way from the old routes to the new ones. */
class Move {
  readonly #context: RelayContext;
  readonly #parts: RelayParts;
  readonly #next: Routes;
  readonly #changes: RouteChanges;
  /** Old frontends whose successors have other rules over connections. */
  readonly #ruled: ReadonlySet<number>;
  /** Sessions that look for a server again. */
  readonly #unrouted: number[] = [];
  ended = 0;

  constructor(context: RelayContext, parts: RelayParts, next: Routes, changes: RouteChanges) {
    this.#context = context;
    this.#parts = parts;
    this.#next = next;
    this.#changes = changes;
    const ruled = context.routes.frontends.filter(({ index, config }) => {
      const { connectionRules } = this.#successor(index)?.config ?? {};
      return connectionRules !== undefined && !isSame(config.connectionRules, connectionRules);
    });
    this.#ruled = new Set(ruled.map(({ index }) => index));
  }

  /** By the old routes: ends what is not allowed, and takes the others from what does not stay. */
  leave(): void {
    const { table } = this.#context;
    const { sessions, opening, eachSession } = this.#parts;
    eachSession((session) => {
      const frontend = (table.frontend[session] ?? 0) - 1;
      if (!this.#isAllowed(session, frontend)) {
        this.ended++;
        sessions.close(session, 'KD', 'reset');
      } else if (table.phase[session] !== PHASE_OPEN) {
        const stays = (server: number) => this.#serverAfter(session, server) !== -1;
        if (opening.uproot(session, stays)) this.#unrouted.push(session);
      }
    });
  }

  /** By the new routes: gives every session its indexes, and has it go on. */
  arrive(before: Pick<Routes, 'frontends' | 'backends'>): void {
    const { table, routes } = this.#context;
    const { sessions, opening, eachSession } = this.#parts;
    const tried = this.#rememberTried();
    table.forgetTried(routes.serversMax);
    opening.reline();
    eachSession((session) => this.#rename(session, before, tried.get(session) ?? []));
    for (const session of this.#inOrder()) opening.restart(session);
    eachSession((session) => {
      if (table.phase[session] !== PHASE_OPEN) opening.resume(session);
      if (table.role[session] === ROLE_CLIENT) sessions.deadlines.rearm(session);
    });
  }

  #successor(frontend: number): Frontend | undefined {
    return this.#next.frontends[this.#changes.frontends[frontend] ?? -1];
  }

  #serversAfter(session: number): readonly number[] {
    const { frontend, backend } = this.#context.table;
    const ofFrontend = this.#changes.servers[(frontend[session] ?? 0) - 1];
    return ofFrontend?.[(backend[session] ?? 0) - 1] ?? [];
  }

  #serverAfter(session: number, server: number): number {
    return this.#serversAfter(session)[server] ?? -1;
  }

  #isAllowed(session: number, frontend: number): boolean {
    const { table } = this.#context;
    const successor = this.#successor(frontend);
    if (successor === undefined) return false;
    const server = (table.server[session] ?? 0) - 1;
    const open = table.phase[session] === PHASE_OPEN;
    if (open && this.#serverAfter(session, server) === -1) return false;
    if (!this.#ruled.has(frontend)) return true;
    return this.#parts.admission.allowsStill(session, successor.connectionRules);
  }

  /** Only sessions that are not open yet ask which servers were tried. */
  #rememberTried(): ReadonlyMap<number, readonly number[]> {
    const { table } = this.#context;
    const tried = new Map<number, readonly number[]>();
    this.#parts.eachSession((session) => {
      if (table.phase[session] === PHASE_OPEN) return;
      const servers = this.#serversAfter(session);
      tried.set(
        session,
        servers.filter((after, before) => after !== -1 && table.isTried(session, before)),
      );
    });
    return tried;
  }

  #rename(
    session: number,
    before: Pick<Routes, 'frontends' | 'backends'>,
    tried: readonly number[],
  ): void {
    const { table, counters, routes } = this.#context;
    const old = (table.frontend[session] ?? 0) - 1;
    const oldFrontend = before.frontends[old];
    const frontend = this.#successor(old);
    assert(oldFrontend !== undefined && frontend !== undefined, 'sessions that stay have routes');
    const oldBackend = (table.backend[session] ?? 0) - 1;
    const oldServer = (table.server[session] ?? 0) - 1;
    const server = this.#serverAfter(session, oldServer);
    const rival = this.#serverAfter(session, (table.rivalServer[session] ?? 0) - 1);
    const backend = routes.backends[this.#changes.backends[old]?.[oldBackend] ?? -1];
    table.frontend[session] = frontend.index + 1;
    table.backend[session] = backend === undefined ? 0 : backend.index + 1;
    table.server[session] = server + 1;
    table.rivalServer[session] = rival + 1;
    for (const one of tried) table.markTried(session, one);
    this.#renameTables(session);
    counters.add(routes.relay.connectionsCurrent, 1);
    counters.add(frontend.counters.connectionsCurrent, 1);
    if (backend !== undefined) counters.add(backend.counters.sessionsCurrent, 1);
    for (const [index, socket] of [
      [server, table.peer[session] ?? 0],
      [rival, table.rival[session] ?? 0],
    ] as const) {
      const one = backend?.servers[index];
      if (one === undefined) continue;
      counters.add(one.counters.sessionsCurrent, 1);
      const askedAt = table.askedAt[socket] ?? 0;
      if (askedAt !== 0) one.answers.began(askedAt);
    }
    this.#refresh(session, oldFrontend, frontend);
    const from = before.backends[oldBackend]?.servers[oldServer];
    const to = backend?.servers[server];
    if (from === undefined || to === undefined) return;
    setChanged(table.peer[session] ?? 0, from.liveness, to.liveness);
  }

  /** What a table has counted that is gone went with it. */
  #renameTables(session: number): void {
    const { tracked, trackedTable } = this.#context.table;
    if (this.#changes.tables.length === 0) return;
    for (let at = session * TRACK_PLACES; at < (session + 1) * TRACK_PLACES; at++) {
      const after = this.#changes.tables[trackedTable[at] ?? 0] ?? -1;
      if (after === -1) tracked[at] = 0;
      else trackedTable[at] = after;
    }
  }

  /** What the new configuration wants to know of a client, or of its connection, that the old one did not. */
  #refresh(session: number, before: Frontend, after: Frontend): void {
    const { table, clock } = this.#context;
    setChanged(session, before.liveness, after.liveness);
    if (after.logs && !before.logs) {
      table.acceptedWall[session] = Date.now() - (clock.now - (table.acceptedAt[session] ?? 0));
    }
    if (!after.keepsAddress || before.keepsAddress) return;
    const start = session * PEER_ADDRESS_BYTES;
    table.address.fill(0, start, start + PEER_ADDRESS_BYTES);
    table.destination[start] = 0;
    if (peerAddress(session) !== 0) return;
    table.address.set(lastAddress.subarray(0, PEER_ADDRESS_BYTES), start);
  }

  /** Who waited comes first, in the order of coming. */
  #inOrder(): readonly number[] {
    const { table } = this.#context;
    const since = (session: number): number =>
      table.phase[session] === PHASE_QUEUED
        ? (table.queuedAt[session] ?? 0)
        : Number.POSITIVE_INFINITY;
    return this.#unrouted.toSorted((one, other) => since(one) - since(other) || one - other);
  }
}

function setChanged(fd: number, before: Liveness | null, after: Liveness | null): void {
  if (after !== null && !(before !== null && isAlike(before, after))) setLiveness(fd, after);
}

/** Asked for each session, so without the detour over text. */
function isAlike(one: Liveness, other: Liveness): boolean {
  return (
    one.keepalive === other.keepalive &&
    one.idleS === other.idleS &&
    one.intervalS === other.intervalS &&
    one.probes === other.probes &&
    one.userTimeoutMs === other.userTimeoutMs
  );
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

// --- counters -------------------------------------------------------------------------------------

type Totals = {
  readonly plane: readonly number[];
  readonly frontends: readonly (readonly number[])[];
  /** By name, and "backend/server". */
  readonly named: ReadonlyMap<string, readonly number[]>;
};

function readTotals(counters: Counters, { layout, config, frontends }: Routes): Totals {
  const block = (table: CounterTable, offset: number | undefined): readonly number[] =>
    namesOf(table).map((_, index) => counters.get((offset ?? 0) + index));
  const named = new Map<string, readonly number[]>();
  for (const [index, { name, servers }] of config.backends.entries()) {
    named.set(name, block(BACKEND, layout.backends[index]));
    for (const [position, server] of servers.entries()) {
      const offset = layout.servers[index]?.[position];
      named.set(`${name}/${server.name}`, block(SERVER, offset));
    }
  }
  return {
    plane: block(PLANE, layout.plane),
    frontends: frontends.map(({ index }) => block(FRONTEND, layout.frontends[index])),
    named,
  };
}

/** What was counted goes on; what there is at the moment is counted anew, session by session. */
function writeTotals(
  counters: Counters,
  { layout, config }: Routes,
  totals: Totals,
  changes: RouteChanges,
): void {
  const add = (table: CounterTable, values: readonly number[], offset: number): void => {
    for (const [index, { fold, now }] of Object.values(table).entries()) {
      const value = values[index] ?? 0;
      if (now === true) continue;
      if (fold === 'max') counters.raise(offset + index, value);
      else counters.add(offset + index, value);
    }
  };
  add(PLANE, totals.plane, layout.plane);
  for (const [index, values] of totals.frontends.entries()) {
    const offset = layout.frontends[changes.frontends[index] ?? -1];
    if (offset !== undefined) add(FRONTEND, values, offset);
  }
  for (const [index, { name, servers }] of config.backends.entries()) {
    add(BACKEND, totals.named.get(name) ?? [], layout.backends[index] ?? 0);
    for (const [position, server] of servers.entries()) {
      const offset = layout.servers[index]?.[position] ?? 0;
      add(SERVER, totals.named.get(`${name}/${server.name}`) ?? [], offset);
    }
  }
}
