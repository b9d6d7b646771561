/** When the patience with a session ends: each phase, on a clock that stands. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PlaneOptions } from '../fixture/plane.ts';
import { RelayParts, START_MS } from '../fixture/relay-parts.ts';
import { Deadlines } from './deadlines.ts';
import {
  FINISHED,
  PHASE_CONNECTING,
  PHASE_FLIGHT,
  PHASE_GREETING,
  PHASE_OPEN,
  PHASE_QUEUED,
} from './socket-table.ts';

// Numbers in the table only: nothing is opened.
const SESSION = 3000;
const SOCKET = 3001;

const TIMES: PlaneOptions = {
  servers: [1],
  frontend: { clientTimeoutMs: 5000, clientFinTimeoutMs: 300 },
  backend: {
    connectTimeoutMs: 700,
    serverTimeoutMs: 6000,
    serverFinTimeoutMs: 400,
    tunnelTimeoutMs: 90_000,
    queueTimeoutMs: 800,
  },
};

function build(t: TestContext, phase: number, options = TIMES) {
  const { context } = new RelayParts(t, options);
  const { table } = context;
  table.frontend[SESSION] = 1;
  table.backend[SESSION] = 1;
  table.server[SESSION] = 1;
  table.phase[SESSION] = phase;
  table.peer[SESSION] = SOCKET;
  table.peer[SOCKET] = SESSION;
  table.acceptedAt[SESSION] = START_MS;
  table.activeAt[SESSION] = START_MS + 10;
  table.activeAt[SOCKET] = START_MS + 20;
  return { deadlines: new Deadlines(context), table, clock: context.clock };
}

test('an open session ends with the side that is silent for its time', (t) => {
  const { deadlines, table } = build(t, PHASE_OPEN);
  assert.equal(deadlines.of(SESSION), START_MS + 10 + 5000);
  assert.equal(deadlines.timedOut(SESSION), 'cD');
  table.activeAt[SESSION] = START_MS + 1100;
  assert.equal(deadlines.of(SESSION), START_MS + 20 + 6000);
  assert.equal(deadlines.timedOut(SESSION), 'sD');
});

test('once both have spoken the tunnel timeout holds, where there is one', (t) => {
  const { deadlines, table } = build(t, PHASE_OPEN);
  table.tunnel[SESSION] = 1;
  assert.equal(deadlines.of(SESSION), START_MS + 10 + 90_000);
  const without = build(t, PHASE_OPEN, {
    ...TIMES,
    backend: { ...TIMES.backend, tunnelTimeoutMs: null },
  });
  without.table.tunnel[SESSION] = 1;
  assert.equal(without.deadlines.of(SESSION), START_MS + 10 + 5000);
});

test('a side that has our end has the fin timeout, the tunnel or not', (t) => {
  const { deadlines, table } = build(t, PHASE_OPEN);
  table.tunnel[SESSION] = 1;
  table.flags[SOCKET] = FINISHED;
  assert.equal(deadlines.of(SESSION), START_MS + 20 + 400);
  table.flags[SESSION] = FINISHED;
  assert.equal(deadlines.of(SESSION), START_MS + 10 + 300);
});

test('who only waits for the other side has nothing to prove', (t) => {
  const { deadlines, table } = build(t, PHASE_OPEN);
  // The client's bytes wait for the server.
  table.held[SESSION] = 1;
  assert.equal(deadlines.of(SESSION), START_MS + 20 + 6000);
  table.held[SESSION] = 0;
  table.held[SOCKET] = 1;
  table.activeAt[SESSION] = START_MS + 2000;
  assert.equal(deadlines.of(SESSION), START_MS + 2000 + 5000);
});

test('a PROXY header has ten seconds, or less where a client has less', (t) => {
  assert.equal(build(t, PHASE_GREETING).deadlines.of(SESSION), START_MS + 5000);
  const patient = { ...TIMES, frontend: { clientTimeoutMs: 60_000 } };
  assert.equal(build(t, PHASE_GREETING, patient).deadlines.of(SESSION), START_MS + 10_000);
});

test('who waits for a server has the time of the queue, from when it began', (t) => {
  const { deadlines, table } = build(t, PHASE_QUEUED);
  table.queuedAt[SESSION] = START_MS + 50;
  assert.equal(deadlines.of(SESSION), START_MS + 50 + 800);
});

for (const [what, phase, without] of [
  ['a connect', PHASE_CONNECTING, START_MS + 20 + 700],
  ['an answer', PHASE_FLIGHT, START_MS + 10 + 5000],
] as const) {
  test(`${what} is waited for until a second server joins`, (t) => {
    const { deadlines, clock } = build(t, phase);
    assert.equal(deadlines.of(SESSION), without);
    deadlines.setHedge(SESSION, START_MS + 90);
    assert.equal(deadlines.of(SESSION), START_MS + 90);
    assert.equal(deadlines.hedgesArmed, 1);
    assert.equal(deadlines.hedgeDue(SESSION), false);
    clock.now = START_MS + 90;
    assert.equal(deadlines.hedgeDue(SESSION), true);
    deadlines.setHedge(SESSION, START_MS + 95);
    assert.equal(deadlines.hedgesArmed, 1, 'a session has one');
    deadlines.clearHedge(SESSION);
    deadlines.clearHedge(SESSION);
    assert.equal(deadlines.hedgesArmed, 0);
    assert.equal(deadlines.of(SESSION), without);
  });
}
