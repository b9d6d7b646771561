/** The connector with real sockets, and without a loop: what it does to a session and its books. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../../../test/kit/free-port.ts';
import { waitUntil } from '../../../../test/kit/wait-until.ts';
import { ETIMEDOUT } from '../../../linux/errno.ts';
import { pendingError } from '../../../linux/stream-calls.ts';
import { outcome, startEcho } from '../fixture/peers.ts';
import type { PlaneOptions } from '../fixture/plane.ts';
import { acceptClient, openSession, RelayParts, START_MS } from '../fixture/relay-parts.ts';
import {
  PHASE_CONNECTING,
  PHASE_QUEUED,
  ROLE_NONE,
  ROLE_SERVER,
} from '../sessions/socket-table.ts';
import { Connector } from './connector.ts';

const TIMEOUT = { timeout: 300_000 };

function build(t: TestContext, options: PlaneOptions) {
  const parts = new RelayParts(t, options);
  const connector = new Connector(parts.context, parts.sessions);
  /** Sessions of each server now. */
  const carried = () =>
    parts.backend.servers.map(({ counters }) => parts.count(counters.sessionsCurrent));
  return { parts, connector, carried, table: parts.context.table };
}

/** Ports of so many servers that take every connection. */
async function openPorts(t: TestContext, count: number): Promise<number[]> {
  const echoes = await Promise.all(Array.from({ length: count }, () => startEcho(t)));
  return echoes.map(({ port }) => port);
}

function closedPorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}

/** Hands the refusals that the kernel tells of to the connector, until `done`. */
async function untilRefused(
  { connector, table }: ReturnType<typeof build>,
  session: number,
  done: () => boolean,
): Promise<void> {
  await waitUntil('the refusals are dealt with', () => {
    const fd = table.peer[session] ?? 0;
    if (!done() && fd !== 0) {
      const error = pendingError(fd);
      if (error !== 0) connector.lost(session, fd, error);
    }
    return done();
  });
}

test('start() connects to a server, which has the time of its timeout', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { parts, connector, carried, table } = build(t, {
    servers: [echo.port],
    backend: { connectTimeoutMs: 700 },
  });
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  const socket = table.peer[session] ?? 0;
  assert.equal(table.phase[session], PHASE_CONNECTING);
  assert.equal(table.role[socket], ROLE_SERVER);
  assert.equal(table.peer[socket], session);
  assert.deepEqual(carried(), [1]);
  assert.equal(parts.sessions.deadlines.of(session), START_MS + 700);
  await waitUntil('the server has it', () => echo.sockets.size === 1);
});

test('start() goes to the next server when one refuses, and tells of it', TIMEOUT, async (t) => {
  const [refusing = 0] = await closedPorts(1);
  const [taking = 0] = await openPorts(t, 1);
  const built = build(t, { servers: [refusing, taking] });
  const { parts, connector, carried, table } = built;
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  await untilRefused(built, session, () => table.attempts[session] === 2);
  assert.equal(table.server[session], 2);
  assert.deepEqual(carried(), [0, 1]);
  assert.deepEqual(parts.failures, ['back/s1: connection refused']);
  const { counters } = parts.server(0);
  assert.deepEqual(
    [counters.connectErrors, counters.retries, counters.redispatches].map((at) => parts.count(at)),
    [1, 1, 1],
  );
});

test('a client that no server takes is reset, and none is tried twice', TIMEOUT, async (t) => {
  const built = build(t, { servers: await closedPorts(2), backend: { retries: 9 } });
  const { parts, connector, carried, table } = built;
  const { client, fd: session } = await openSession(t, parts);
  const end = outcome(client.resume());
  connector.start(session, 'SC');
  await untilRefused(built, session, () => table.role[session] === ROLE_NONE);
  assert.equal(await end, 'ECONNRESET');
  assert.deepEqual(parts.failures.toSorted(), [
    'back/s1: connection refused',
    'back/s2: connection refused',
  ]);
  assert.deepEqual(carried(), [0, 0]);
  assert.equal(parts.count(parts.backend.counters.connectErrors), 1);
});

test('start() tries no more servers than retries allow', TIMEOUT, async (t) => {
  const built = build(t, { servers: await closedPorts(3), backend: { retries: 1 } });
  const { parts, connector, table } = built;
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  await untilRefused(built, session, () => table.role[session] === ROLE_NONE);
  assert.equal(parts.failures.length, 2);
});

test('failures of one server are told once in 20 ms', TIMEOUT, async (t) => {
  const built = build(t, { servers: await closedPorts(1) });
  const { parts, connector, table } = built;
  const told: number[] = [];
  for (const waitMs of [0, 19, 1]) {
    parts.context.clock.now += waitMs;
    const { fd: session } = await openSession(t, parts);
    connector.start(session, 'SC');
    await untilRefused(built, session, () => table.role[session] === ROLE_NONE);
    told.push(parts.failures.length);
  }
  assert.deepEqual(told, [1, 1, 2]);
  assert.equal(parts.count(parts.server(0).counters.connectErrors), 3);
});

test('a want of descriptors is counted, but says nothing about the server', TIMEOUT, async (t) => {
  const servers = await openPorts(t, 1);
  const { fd: session } = await acceptClient(t);
  // What is opened from now on has higher numbers.
  const { parts, connector } = build(t, { servers, filesMax: session + 1 });
  parts.sessions.open(session, parts.frontend);
  parts.sessions.assign(session, parts.backend);
  connector.start(session, 'SC');
  assert.equal(parts.count(parts.server(0).counters.connectErrors), 1);
  assert.deepEqual(parts.failures, []);
});

test('sessions wait for a server with room, in the order of coming', TIMEOUT, async (t) => {
  const { parts, connector, carried, table } = build(t, {
    servers: await openPorts(t, 1),
    server: { connectionsMax: 1 },
  });
  const { backend, context, sessions } = parts;
  const [first, second, third] = [
    await openSession(t, parts),
    await openSession(t, parts),
    await openSession(t, parts),
  ].map(({ fd }) => fd) as [number, number, number];
  const phases = () => [second, third].map((session) => table.phase[session]);
  for (const session of [first, second]) connector.start(session, 'SC');
  assert.equal(table.phase[second], PHASE_QUEUED);
  connector.serveLines(context.routes.backends);
  assert.equal(table.phase[second], PHASE_QUEUED, 'there is no room yet');
  context.clock.now += 30;
  sessions.close(first, '--', 'finish');
  connector.start(third, 'SC');
  assert.deepEqual(phases(), [PHASE_QUEUED, PHASE_QUEUED], 'who comes later does not overtake');
  assert.equal(parts.count(backend.counters.queueCurrent), 2);
  connector.serveLines(context.routes.backends);
  assert.deepEqual(phases(), [PHASE_CONNECTING, PHASE_QUEUED]);
  assert.equal(table.waitedMs[second], 30);
  assert.deepEqual(carried(), [1]);
  assert.equal(parts.count(backend.counters.queueCurrent), 1);
  assert.equal(parts.count(backend.counters.queueMax), 2);
});

for (const [winner, loser] of [
  ['second', 0],
  ['first', 1],
] as const) {
  test(`a race that the ${winner} server wins leaves the other nothing`, TIMEOUT, async (t) => {
    const { parts, connector, carried, table } = build(t, { servers: await openPorts(t, 2) });
    const { fd: session } = await openSession(t, parts);
    connector.start(session, 'SC');
    connector.race(session);
    const sockets = [table.peer[session] ?? 0, table.rival[session] ?? 0];
    assert.deepEqual(carried(), [1, 1]);
    assert.equal(parts.count(parts.server(0).counters.hedges), 1);
    connector.settle(session, sockets[1 - loser] ?? 0);
    assert.equal(table.peer[session], sockets[1 - loser]);
    assert.equal(table.server[session], 2 - loser);
    assert.equal(table.rival[session], 0);
    assert.equal(table.role[sockets[loser] ?? 0], ROLE_NONE);
    assert.deepEqual(carried(), loser === 0 ? [0, 1] : [1, 0]);
    assert.equal(parts.count(parts.server(1).counters.hedgesWon), 1 - loser);
  });
}

test('a race has nobody to add where each server was tried', TIMEOUT, async (t) => {
  const { parts, connector, carried, table } = build(t, { servers: await openPorts(t, 1) });
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  connector.race(session);
  assert.equal(table.rival[session], 0);
  assert.deepEqual(carried(), [1]);
});

test('lost() puts the rival in the first place, and another beside it', TIMEOUT, async (t) => {
  const { parts, connector, carried, table } = build(t, { servers: await openPorts(t, 3) });
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  connector.race(session);
  const [first, rival] = [table.peer[session] ?? 0, table.rival[session] ?? 0];
  connector.lost(session, first, ETIMEDOUT);
  assert.equal(table.peer[session], rival);
  assert.equal(table.server[session], 2);
  assert.equal(table.rivalServer[session], 3);
  assert.deepEqual(carried(), [0, 1, 1]);
});

test('lost() of the rival leaves the first server where it was', TIMEOUT, async (t) => {
  const { parts, connector, carried, table } = build(t, { servers: await openPorts(t, 2) });
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  connector.race(session);
  const first = table.peer[session];
  connector.lost(session, table.rival[session] ?? 0, 0);
  assert.equal(table.peer[session], first);
  assert.equal(table.rival[session], 0);
  assert.deepEqual(carried(), [1, 0]);
  assert.deepEqual(parts.failures, [], 'one that left is not out of order');
});

test('uproot() leaves a session without a server, or with its rival', TIMEOUT, async (t) => {
  const { parts, connector, carried, table } = build(t, { servers: await openPorts(t, 2) });
  const { fd: session } = await openSession(t, parts);
  connector.start(session, 'SC');
  connector.race(session);
  const rival = table.rival[session];
  assert.equal(connector.uproot(session), false);
  assert.equal(table.peer[session], rival);
  assert.deepEqual(carried(), [0, 1]);
  assert.equal(connector.uproot(session), true);
  assert.equal(table.server[session], 0);
  assert.deepEqual(carried(), [0, 0]);
});
