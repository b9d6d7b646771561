/** Servers that never answer a connect. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { dial, outcome, readBytes, startEcho, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';
import { silentPort } from '../fixture/silent-port.ts';

test('a server that does not answer is passed over after the timeout', {
  timeout: 300_000,
}, async (t) => {
  const silent = await silentPort(t);
  const echo = await startEcho(t);
  const { port, count, events } = await startPlane(t, {
    servers: [silent, echo.port],
    backend: { connectTimeoutMs: 200 },
  });
  const began = performance.now();
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  const took = performance.now() - began;
  assert.ok(took > 190, `${took} ms`);
  assert.equal(count(0, 'connectErrors'), 1);
  await until('it is told', () => events.length === 1);
  const [event] = events;
  assert.ok(event?.kind === 'connect-failed');
  assert.equal(event.reason, 'connection timed out');
});

test('a client that goes away meanwhile frees its session', { timeout: 300_000 }, async (t) => {
  const silent = await silentPort(t);
  const { port, count } = await startPlane(t, {
    servers: [silent],
    backend: { connectTimeoutMs: 10_000 },
  });
  const client = await dial(t, port);
  await until('it connects', () => count(0, 'sessionsCurrent') === 1);
  client.resetAndDestroy();
  await until('it is over', () => count('relay', 'connectionsCurrent') === 0);
  assert.equal(count(0, 'sessionsCurrent'), 0);
  assert.equal(count('frontend', 'clientResets'), 1);
});

test('with nobody else the client is reset after the timeout', { timeout: 300_000 }, async (t) => {
  const silent = await silentPort(t);
  const { port, count } = await startPlane(t, {
    servers: [silent],
    backend: { connectTimeoutMs: 150 },
  });
  const client = connect({ port, host: '127.0.0.1' });
  assert.equal(await outcome(client.resume()), 'ECONNRESET');
  assert.equal(count('backend', 'connectErrors'), 1);
});
