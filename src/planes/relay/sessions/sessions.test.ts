/** The books of sessions, with real sockets and without a loop: what is counted, and what is given back. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TerminationCode } from '../../../stats/connection-log.ts';
import { outcome, startEcho } from '../fixture/peers.ts';
import type { PlaneOptions } from '../fixture/plane.ts';
import { openSession, RelayParts, START_MS } from '../fixture/relay-parts.ts';
import { Connector } from '../opening/connector.ts';
import { PHASE_OPEN, ROLE_CLIENT, ROLE_NONE } from './socket-table.ts';

const TIMEOUT = { timeout: 300_000 };

/** A session whose server is connected, so that bytes may flow. */
async function openStream(t: TestContext, options: Omit<PlaneOptions, 'servers'> = {}) {
  const echo = await startEcho(t);
  const parts = new RelayParts(t, { servers: [echo.port], ...options });
  const { client, fd: session } = await openSession(t, parts);
  const { table } = parts.context;
  new Connector(parts.context, parts.sessions).start(session, 'SC');
  const socket = table.peer[session] ?? 0;
  parts.sessions.established(session, socket, parts.server(0));
  table.phase[session] = PHASE_OPEN;
  return { parts, client, session, socket, table, sessions: parts.sessions };
}

/** What all blocks count of sessions that are there now. */
function current(parts: RelayParts): readonly number[] {
  const { routes } = parts.context;
  return [
    routes.relay.connectionsCurrent,
    parts.frontend.counters.connectionsCurrent,
    parts.backend.counters.sessionsCurrent,
    parts.server(0).counters.sessionsCurrent,
  ].map((offset) => parts.count(offset));
}

test('a session is counted from its opening to its end', TIMEOUT, async (t) => {
  const { parts, session, table, sessions } = await openStream(t);
  const { counters } = parts.server(0);
  assert.deepEqual(current(parts), [1, 1, 1, 1]);
  parts.context.clock.now += 250;
  sessions.close(session, '--', 'finish');
  assert.deepEqual(current(parts), [0, 0, 0, 0]);
  assert.equal(parts.count(parts.frontend.counters.connectionsTotal), 1);
  assert.equal(parts.count(parts.backend.counters.sessionsMax), 1);
  assert.equal(parts.count(counters.sessionsTotal), 1);
  assert.equal(parts.count(counters.sessionTimeTotalMs), 250);
  assert.equal(parts.count(counters.sessionTimeMaxMs), 250);
  assert.equal(table.role[session], ROLE_NONE);
});

test('the most sessions at a time are kept', TIMEOUT, async (t) => {
  const parts = new RelayParts(t, { servers: [1] });
  const opened = [await openSession(t, parts), await openSession(t, parts)];
  for (const { fd } of opened) parts.sessions.close(fd, 'KD', 'finish');
  const { fd } = await openSession(t, parts);
  const { counters } = parts.frontend;
  assert.equal(parts.count(counters.connectionsCurrent), 1);
  assert.equal(parts.count(counters.connectionsMax), 2);
  assert.equal(parts.count(counters.connectionsTotal), 3);
  assert.equal(parts.context.table.role[fd], ROLE_CLIENT);
});

for (const [mode, seen] of [
  ['finish', 'end'],
  ['reset', 'ECONNRESET'],
] as const) {
  test(`close() with ${mode} is seen as ${seen}`, TIMEOUT, async (t) => {
    const { client, session, sessions } = await openStream(t);
    const end = outcome(client.resume());
    sessions.close(session, 'KD', mode);
    assert.equal(await end, seen);
  });
}

/** How a session ends, and where that is counted. */
const ENDS: readonly (readonly [TerminationCode, readonly string[]])[] = [
  ['--', []],
  ['cD', []],
  ['sD', []],
  ['KD', []],
  ['CC', ['clientResets', 'backend clientAborts', 'server clientAborts']],
  ['CD', ['clientResets', 'backend clientAborts', 'server clientAborts']],
  ['CQ', ['clientResets', 'backend clientAborts', 'server clientAborts']],
  ['SD', ['backend serverAborts', 'server serverAborts']],
  ['SC', ['connectErrors']],
  ['sC', ['connectErrors']],
  ['sQ', ['connectErrors']],
  ['PR', []],
  ['cR', []],
  ['CR', ['clientResets', 'backend clientAborts', 'server clientAborts']],
];

test('each way to end is counted where it belongs, and nowhere else', TIMEOUT, async (t) => {
  for (const [code, expected] of ENDS) {
    const { parts, session, sessions } = await openStream(t);
    sessions.close(session, code, 'finish');
    const { frontend, backend } = parts;
    const counted: readonly (readonly [string, number])[] = [
      ['clientResets', frontend.counters.clientResets],
      ['connectErrors', backend.counters.connectErrors],
      ['backend clientAborts', backend.counters.clientAborts],
      ['server clientAborts', parts.server(0).counters.clientAborts],
      ['backend serverAborts', backend.counters.serverAborts],
      ['server serverAborts', parts.server(0).counters.serverAborts],
    ];
    const found = counted.filter(([, offset]) => parts.count(offset) > 0).map(([name]) => name);
    assert.deepEqual(found, expected, code);
  }
});

test('bytes are counted by their direction, and the way they went', TIMEOUT, async (t) => {
  const { parts, session, socket, sessions } = await openStream(t);
  sessions.moved(session, 100, false);
  sessions.moved(socket, 5000, true);
  sessions.moved(socket, 1, false);
  for (const { bytesIn, bytesOut } of [
    parts.frontend.counters,
    parts.backend.counters,
    parts.server(0).counters,
  ]) {
    assert.equal(parts.count(bytesIn), 100);
    assert.equal(parts.count(bytesOut), 5001);
  }
  assert.equal(parts.count(parts.context.routes.relay.splicedBytes), 5000);
});

test('a connect that was answered is timed', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const parts = new RelayParts(t, { servers: [echo.port] });
  const { clock, table } = parts.context;
  const { fd: session } = await openSession(t, parts);
  clock.now += 5;
  new Connector(parts.context, parts.sessions).start(session, 'SC');
  clock.now += 40;
  parts.sessions.established(session, table.peer[session] ?? 0, parts.server(0));
  const { counters } = parts.server(0);
  assert.equal(parts.count(counters.connects), 1);
  assert.equal(parts.count(counters.connectTimeTotalMs), 40);
  assert.equal(parts.count(counters.connectTimeMaxMs), 40);
  assert.equal(table.connectMs[session], 45, 'from the accept on');
});

test('one that ends before it is open leaves neither line nor rival behind', TIMEOUT, async (t) => {
  const ports = [(await startEcho(t)).port, (await startEcho(t)).port];
  const parts = new RelayParts(t, {
    servers: ports,
    server: { connectionsMax: 1 },
    backend: { retries: 3 },
  });
  const { context, sessions } = parts;
  const { table, lines } = context;
  const connector = new Connector(context, sessions);
  const { fd: racing } = await openSession(t, parts);
  const { fd: waiting } = await openSession(t, parts);
  connector.start(racing, 'SC');
  connector.race(racing);
  sessions.deadlines.setHedge(racing, START_MS + 1);
  connector.start(waiting, 'SC');
  assert.equal(lines.total, 1);
  const sockets = [table.peer[racing] ?? 0, table.rival[racing] ?? 0];
  sessions.close(waiting, 'CQ', 'reset');
  assert.equal(lines.total, 0);
  assert.equal(parts.count(parts.backend.counters.queueCurrent), 0);
  sessions.close(racing, 'CC', 'reset');
  assert.deepEqual(
    sockets.map((fd) => table.role[fd]),
    [ROLE_NONE, ROLE_NONE],
  );
  assert.equal(sessions.deadlines.hedgesArmed, 0);
  for (const index of [0, 1]) {
    assert.equal(parts.count(parts.server(index).counters.sessionsCurrent), 0);
  }
});

test('close() gives back the slot of bytes that nobody took', TIMEOUT, async (t) => {
  const { parts, session, table, sessions } = await openStream(t);
  const { buffers } = parts.context;
  table.slot[session] = buffers.acquire() + 1;
  table.held[session] = 10;
  assert.equal(buffers.used, 1);
  sessions.close(session, 'CD', 'reset');
  assert.equal(buffers.used, 0);
  assert.equal(table.held[session], 0);
});

test('a socket is closed once', TIMEOUT, async (t) => {
  const { socket, sessions } = await openStream(t);
  sessions.closeSocket(socket, 'finish');
  assert.throws(() => sessions.closeSocket(socket, 'finish'), /a socket is closed once/);
});
