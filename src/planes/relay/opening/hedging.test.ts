/** Second servers: for connects that are not answered, and for hellos that are not. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../../../test/kit/free-port.ts';
import { clientHello, tlsRecord } from '../fixture/client-hello.ts';
import { dial, outcome, readBytes, startEcho, startServer, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';
import { silentPort } from '../fixture/silent-port.ts';

const TIMEOUT = { timeout: 300_000 };
const HELLO = clientHello();
/** Of data of the application. */
const DATA = tlsRecord(23, Buffer.from('POST /pay HTTP/1.1'));

/** A server that takes everything and says nothing, as a stopped process does. */
async function startMute(
  t: TestContext,
): Promise<{ port: number; heard: () => Buffer; sockets: Set<Socket> }> {
  const chunks: Buffer[] = [];
  const peer = await startServer(t, (socket) =>
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)),
  );
  return { port: peer.port, heard: () => Buffer.concat(chunks), sockets: peer.sockets };
}

test('a connect that is not answered is raced by another server', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [await silentPort(t), echo.port],
    backend: { connectTimeoutMs: 15_000, hedgeConnectMs: 40 },
  });
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  assert.equal(count(0, 'hedges'), 1);
  assert.equal(count(1, 'hedgesWon'), 1);
  assert.equal(count(0, 'sessionsCurrent'), 0);
  assert.equal(count(1, 'sessionsCurrent'), 1);
  client.destroy();
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
  assert.equal(count(1, 'sessionsCurrent'), 0);
});

test('a rival that refuses is followed by the next', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [await silentPort(t), await freePort(), echo.port],
    backend: { connectTimeoutMs: 15_000, hedgeConnectMs: 40 },
  });
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  assert.equal(count(1, 'connectErrors'), 1);
  assert.equal(count(2, 'hedgesWon'), 1);
});

test('with every connect unanswered the session ends after its time', TIMEOUT, async (t) => {
  const { port, count } = await startPlane(t, {
    servers: [await silentPort(t), await silentPort(t)],
    backend: { connectTimeoutMs: 200, hedgeConnectMs: 40 },
  });
  const client = await dial(t, port);
  assert.equal(await outcome(client.resume()), 'ECONNRESET');
  assert.equal(count(0, 'connectErrors') + count(1, 'connectErrors'), 2);
  assert.equal(count(0, 'sessionsCurrent') + count(1, 'sessionsCurrent'), 0);
});

test('a hello that is not answered goes to another server', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [mute.port, echo.port],
    backend: { hedgeAfterMs: 60 },
  });
  const client = await dial(t, port);
  client.write(HELLO);
  assert.ok((await readBytes(client, HELLO.length)).equals(HELLO));
  assert.ok(mute.heard().equals(HELLO), 'the first server had it too');
  await until('the loser is let go', () => mute.sockets.size === 0);
  assert.equal(count(0, 'hedges'), 1);
  assert.equal(count(1, 'hedgesWon'), 1);
  assert.equal(count(0, 'sessionsCurrent'), 0);
  // The session goes on like any other.
  const more = randomBytes(1 << 20);
  client.write(more);
  assert.ok((await readBytes(client, more.length)).equals(more));
  client.destroy();
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
});

test('no new client fails while one server of two hangs', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const echo = await startEcho(t);
  const { port } = await startPlane(t, {
    servers: [mute.port, echo.port],
    backend: { hedgeAfterMs: 50 },
  });
  for (let turn = 0; turn < 10; turn++) {
    const client = await dial(t, port);
    client.write(HELLO);
    assert.ok((await readBytes(client, HELLO.length)).equals(HELLO));
    client.destroy();
  }
});

test('a hello in pieces reaches the second server whole', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const server = await startServer(t, (socket) => {
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length === HELLO.length) socket.write(Buffer.concat(chunks));
    });
  });
  const { port, count } = await startPlane(t, {
    servers: [mute.port, server.port],
    backend: { hedgeAfterMs: 60 },
  });
  const client = await dial(t, port);
  client.write(HELLO.subarray(0, 100));
  await until('the first one has the first piece', () => mute.heard().length === 100);
  client.write(HELLO.subarray(100));
  assert.ok((await readBytes(client, HELLO.length)).equals(HELLO));
  assert.ok(mute.heard().equals(HELLO));
  assert.equal(count('frontend', 'bytesIn'), HELLO.length);
});

test('a server that drops a hello is followed by another', TIMEOUT, async (t) => {
  const rude = await startServer(t, (socket) => socket.on('data', () => socket.resetAndDestroy()));
  const shy = await startServer(t, (socket) => socket.on('data', () => socket.end()));
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [rude.port, shy.port, echo.port],
    backend: { hedgeAfterMs: 5000 },
  });
  const client = await dial(t, port);
  client.write(HELLO);
  assert.ok((await readBytes(client, HELLO.length)).equals(HELLO));
  assert.equal(count(0, 'redispatches'), 1);
  assert.equal(count(1, 'redispatches'), 1);
  assert.equal(count(2, 'sessionsCurrent'), 1);
});

for (const [what, said] of [
  ['what is no TLS', Buffer.from('POST /pay HTTP/1.1\r\n\r\n')],
  ['data of the application behind a hello', Buffer.concat([HELLO, DATA])],
  ['a hello that offers early data', Buffer.concat([clientHello({ earlyData: true }), DATA])],
] as const) {
  test(`${what} is never said twice`, TIMEOUT, async (t) => {
    const mute = await startMute(t);
    const other = await startMute(t);
    const { port, count } = await startPlane(t, {
      servers: [mute.port, other.port],
      backend: { hedgeAfterMs: 20, serverTimeoutMs: 400 },
    });
    const client = await dial(t, port);
    client.write(said);
    assert.equal(await outcome(client.resume()), 'end');
    assert.equal(mute.heard().length + other.heard().length, said.length);
    assert.equal(count(0, 'hedges') + count(1, 'hedges'), 0);
  });
}

test(
  'data that follows a hello later reaches only the server that had it first',
  TIMEOUT,
  async (t) => {
    const mute = await startMute(t);
    const other = await startMute(t);
    const { port, count } = await startPlane(t, {
      servers: [mute.port, other.port],
      backend: { hedgeAfterMs: 20, serverTimeoutMs: 400 },
    });
    const client = await dial(t, port);
    client.write(HELLO);
    await until('both have the hello', () => other.heard().length === HELLO.length);
    client.write(DATA);
    assert.equal(await outcome(client.resume()), 'end');
    assert.ok(mute.heard().equals(Buffer.concat([HELLO, DATA])));
    assert.ok(other.heard().equals(HELLO));
    assert.equal(count(0, 'hedges'), 1);
  },
);

test('a flight beyond the bound stays where it is and arrives whole', TIMEOUT, async (t) => {
  const flood = Buffer.concat([HELLO, randomBytes(3 << 20)]);
  const echo = await startEcho(t);
  const twin = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port, twin.port],
    backend: { hedgeAfterMs: 20 },
  });
  const client = await dial(t, port);
  client.write(flood);
  assert.ok((await readBytes(client, flood.length)).equals(flood));
  assert.equal(count('backend', 'bytesIn'), flood.length);
});

test('a server that speaks first is heard at once', TIMEOUT, async (t) => {
  const server = await startServer(t, (socket) => socket.end('220 hello\r\n'));
  const { port, count } = await startPlane(t, {
    servers: [server.port, server.port],
    backend: { hedgeAfterMs: 20 },
  });
  const client = await dial(t, port);
  assert.equal((await readBytes(client, 11)).toString(), '220 hello\r\n');
  client.end();
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
});

test('a client that says nothing and ends is passed on as it is', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port, echo.port],
    backend: { hedgeAfterMs: 20 },
  });
  const client = await dial(t, port);
  client.end();
  assert.equal(await outcome(client.resume()), 'end');
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
});

test('a server that goes down hands over who has no answer yet', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const echo = await startEcho(t);
  const { plane, port, count } = await startPlane(t, {
    servers: [mute.port, echo.port],
    backend: { hedgeAfterMs: 10_000 },
  });
  const client = await dial(t, port);
  client.write(HELLO);
  await until('the first one has it', () => mute.heard().length === HELLO.length);
  plane.shutdownSessions('back', 's1');
  assert.ok((await readBytes(client, HELLO.length)).equals(HELLO));
  assert.equal(count(0, 'sessionsCurrent'), 0);
});
