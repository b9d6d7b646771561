/** Servers with a limit of connections, and the clients that wait for room. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { dial, outcome, readBytes, startEcho, until } from '../fixture/peers.ts';
import { type Plane, startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };

/** A client that a server has. */
async function served(t: TestContext, port: number): Promise<Socket> {
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  return client;
}

/** A client that waits; `answered` fills with its name when it is served. */
async function waiting(
  t: TestContext,
  { port, count }: Plane,
  name: string,
  answered: string[],
): Promise<Socket> {
  const before = count('backend', 'queueCurrent') + count(0, 'queueCurrent');
  const client = await dial(t, port);
  client.write('x');
  void readBytes(client, 1).then(
    () => answered.push(name),
    () => {},
  );
  await until(
    `${name} waits`,
    () => count('backend', 'queueCurrent') + count(0, 'queueCurrent') === before + 1,
  );
  return client;
}

test('clients wait for room, first come, first served', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const plane = await startPlane(t, { servers: [echo.port], server: { connectionsMax: 1 } });
  const first = await served(t, plane.port);
  const answered: string[] = [];
  const second = await waiting(t, plane, 'second', answered);
  const third = await waiting(t, plane, 'third', answered);
  await waiting(t, plane, 'fourth', answered);
  assert.equal(plane.count(0, 'sessionsCurrent'), 1);
  assert.equal(plane.count('backend', 'queueMax'), 3);
  // Who goes away leaves the line.
  third.resetAndDestroy();
  await until('the third is gone', () => plane.count('backend', 'queueCurrent') === 2);
  assert.deepEqual(answered, []);
  first.destroy();
  await until('the second is served', () => answered.length === 1);
  second.destroy();
  await until('the fourth is served', () => answered.length === 2);
  assert.deepEqual(answered, ['second', 'fourth']);
  assert.equal(plane.count('backend', 'queueCurrent'), 0);
  assert.equal(plane.count(0, 'sessionsMax'), 1);
});

test('a client that waited too long is turned away', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const plane = await startPlane(t, {
    servers: [echo.port],
    server: { connectionsMax: 1 },
    backend: { queueTimeoutMs: 150 },
  });
  await served(t, plane.port);
  const client = await waiting(t, plane, 'second', []);
  assert.equal(await outcome(client.resume()), 'ECONNRESET');
  assert.equal(plane.count('backend', 'queueCurrent'), 0);
  assert.equal(plane.count('backend', 'connectErrors'), 1);
});

test('with balance source a client waits for its own server', TIMEOUT, async (t) => {
  const [one, two] = [await startEcho(t), await startEcho(t)];
  const plane = await startPlane(t, {
    servers: [one.port, two.port],
    server: { connectionsMax: 1, queueMax: 1 },
    backend: { balance: { kind: 'source' } },
  });
  const first = await served(t, plane.port);
  const mine = plane.count(0, 'sessionsCurrent') === 1 ? 0 : 1;
  const answered: string[] = [];
  const second = await dial(t, plane.port);
  second.write('x');
  void readBytes(second, 1).then(() => answered.push('second'));
  await until('it waits for its server', () => plane.count(mine, 'queueCurrent') === 1);
  // Where its line is full, any server will do.
  await served(t, plane.port);
  assert.equal(plane.count(1 - mine, 'sessionsCurrent'), 1);
  assert.deepEqual(answered, []);
  first.destroy();
  await until('it is served', () => answered.length === 1);
  assert.equal(plane.count(mine, 'sessionsCurrent'), 1);
});

test('who waits for a server that goes down is served by another', TIMEOUT, async (t) => {
  const [one, two] = [await startEcho(t), await startEcho(t)];
  const plane = await startPlane(t, {
    servers: [one.port, two.port],
    server: { connectionsMax: 1 },
    backend: { balance: { kind: 'source' } },
  });
  await served(t, plane.port);
  const mine = plane.count(0, 'sessionsCurrent') === 1 ? 0 : 1;
  const client = await dial(t, plane.port);
  client.write('x');
  await until('it waits for its server', () => plane.count(mine, 'queueCurrent') === 1);
  await plane.publish([mine !== 0, mine !== 1]);
  await readBytes(client, 1);
  assert.equal(plane.count(1 - mine, 'sessionsCurrent'), 1);
  assert.equal(plane.count(mine, 'queueCurrent'), 0);
});

test('relays share the room of a server', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const plane = await startPlane(t, {
    servers: [echo.port],
    relays: 2,
    server: { connectionsMax: 2 },
  });
  const clients = await Promise.all(Array.from({ length: 12 }, () => dial(t, plane.port)));
  for (const client of clients) client.write('x');
  // Each is served in its turn, when the one before it has gone, whichever relay it came to.
  await Promise.all(
    clients.map(async (client) => {
      await readBytes(client, 1);
      client.destroy();
    }),
  );
  await until('all are done', () => plane.count('relay', 'connectionsCurrent') === 0);
  assert.equal(plane.count('backend', 'queueCurrent'), 0);
});
