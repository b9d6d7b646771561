/** Silence of either side, before and after a half-close, and how many servers one client may cost. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../../test/kit/free-port.ts';
import { judged } from '../../../../test/kit/time-verdict.ts';
import { dial, outcome, readBytes, startEcho, startServer, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };

test(
  'a silent server is cut after its timeout, which bytes it takes begin anew',
  TIMEOUT,
  async (t) => {
    const deaf = await startServer(t, (socket) => socket.resume());
    const { port } = await startPlane(t, {
      servers: [deaf.port],
      backend: { serverTimeoutMs: 400 },
    });
    // A client that pauses for longer than that is cut in between.
    await judged(t, async ({ holds }) => {
      const client = await dial(t, port);
      const began = performance.now();
      const talk = setInterval(() => client.write('x'), 50);
      t.after(() => clearInterval(talk));
      setTimeout(() => clearInterval(talk), 800);
      assert.equal(await outcome(client.resume()), 'end');
      const tookMs = performance.now() - began;
      holds(tookMs > 1000, `it was cut after ${tookMs} ms`);
    });
  },
);

test('a client that never ends its half is cut after the fin timeout', TIMEOUT, async (t) => {
  const server = await startServer(t, (socket) => {
    socket.resume();
    socket.end('bye');
  });
  const { port } = await startPlane(t, {
    servers: [server.port],
    frontend: { clientTimeoutMs: 60_000, clientFinTimeoutMs: 300 },
    backend: { serverTimeoutMs: 60_000 },
  });
  const began = performance.now();
  const client = await dial(t, port);
  await once(client.resume(), 'end');
  // Our own half stays open: only the timeout ends it.
  await new Promise((resolve) => server.sockets.values().next().value?.once('end', resolve));
  const tookMs = performance.now() - began;
  assert.ok(tookMs > 200, `${tookMs} ms`);
});

test('"retries" bounds the servers that one client is tried with', TIMEOUT, async (t) => {
  const [dead, echo] = [await freePort(), await startEcho(t)];
  const started = async (retries: number) =>
    startPlane(t, {
      servers: [dead, dead, echo.port],
      backend: { retries, balance: { kind: 'first' } },
    });
  const few = await started(1);
  const client = connect({ port: few.port, host: '127.0.0.1' });
  assert.equal(await outcome(client.resume()), 'ECONNRESET');
  assert.equal(few.count(2, 'sessionsTotal'), 0);
  const enough = await started(2);
  const served = await dial(t, enough.port);
  served.write('x');
  assert.equal(String(await readBytes(served, 1)), 'x');
});

test('leastconn counts the sessions of all relays', TIMEOUT, async (t) => {
  const servers = [await startEcho(t), await startEcho(t), await startEcho(t)];
  const {
    port,
    plane,
    count: counted,
  } = await startPlane(t, {
    servers: servers.map((server) => server.port),
    relays: 2,
    backend: { balance: { kind: 'leastconn' } },
  });
  const held = (): number[] => servers.map(({ sockets }) => sockets.size);
  const serve = async () => {
    const client = await dial(t, port);
    client.write('x');
    await readBytes(client, 1);
    return client;
  };
  const clients = [];
  for (let count = 0; count < 60; count++) clients.push(await serve());
  assert.deepEqual(held(), [20, 20, 20]);
  const perRelay = plane.parts.frontend(0, 'connectionsTotal');
  assert.ok(Math.min(...perRelay) > 5, `both relays have clients: ${perRelay}`);
  // Whoever leaves makes room that every relay sees.
  for (const socket of servers[0]?.sockets ?? []) socket.resetAndDestroy();
  await until('they are gone', () => counted(0, 'sessionsCurrent') === 0);
  for (let count = 0; count < 18; count++) await serve();
  assert.deepEqual(held(), [18, 20, 20]);
});

test(
  'a client that says nothing is cut as well where its hello is waited for',
  TIMEOUT,
  async (t) => {
    const servers = [await startEcho(t), await startEcho(t)];
    const { port, count } = await startPlane(t, {
      servers: servers.map((server) => server.port),
      frontend: { clientTimeoutMs: 300 },
      backend: { serverTimeoutMs: 0, hedgeConnectMs: 60, hedgeAfterMs: 50 },
    });
    const began = performance.now();
    const client = await dial(t, port);
    assert.equal(await outcome(client.resume()), 'end');
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 250, `${tookMs} ms`);
    await until('nothing is left', () => count('relay', 'connectionsCurrent') === 0);
    assert.equal(count(0, 'sessionsCurrent') + count(1, 'sessionsCurrent'), 0);
  },
);
