/** PROXY protocol headers from clients and to servers. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { encodeProxyHeader, parseProxyHeader } from '../../../core/proxy-protocol.ts';
import { clientHello } from '../fixture/client-hello.ts';
import { dial, outcome, readBytes, startEcho, startServer, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };

const ENDS = {
  source: Uint8Array.of(192, 0, 2, 33),
  sourcePort: 1234,
  destination: Uint8Array.of(192, 0, 2, 94),
  destinationPort: 8443,
};

for (const version of [1, 2] as const) {
  test(`a server is told the client in version ${version}`, TIMEOUT, async (t) => {
    let heard = Buffer.alloc(0);
    const server = await startServer(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk]);
      });
    });
    const { port } = await startPlane(t, {
      servers: [server.port],
      server: { sendProxy: version },
    });
    const client = await dial(t, port);
    client.write('hello');
    await until('the server heard it', () => heard.toString('latin1').endsWith('hello'));
    const header = parseProxyHeader(heard);
    assert.ok(header.kind === 'header' && header.ends !== null);
    assert.deepEqual(Buffer.from(header.ends.source).join('.'), '127.0.0.1');
    assert.equal(header.ends.sourcePort, client.localPort);
    assert.equal(header.ends.destinationPort, port);
    assert.equal(heard.length, header.bytes + 5);
  });
}

test('a server that speaks first is told the client, too', TIMEOUT, async (t) => {
  const got = Promise.withResolvers<string>();
  const server = await startServer(t, (socket) => {
    socket.once('data', (chunk: Buffer) => got.resolve(chunk.toString('latin1')));
  });
  const { port } = await startPlane(t, { servers: [server.port], server: { sendProxy: 1 } });
  await dial(t, port);
  assert.match(await got.promise, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
});

test('a header that comes is taken off, in whatever pieces, and handed on', TIMEOUT, async (t) => {
  let heard = Buffer.alloc(0);
  const server = await startServer(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
    });
  });
  const { port, count } = await startPlane(t, {
    servers: [server.port],
    frontend: { acceptProxy: true },
    server: { sendProxy: 1 },
  });
  const client = await dial(t, port);
  const header = encodeProxyHeader(2, ENDS);
  client.setNoDelay(true);
  for (const byte of header.subarray(0, 20)) {
    client.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('it is accepted', () => count('frontend', 'connectionsCurrent') === 1);
  assert.equal(count('backend', 'sessionsCurrent'), 0, 'nobody is led anywhere yet');
  assert.equal(count(0, 'sessionsCurrent'), 0, 'no server is chosen for half a header');
  client.write(Buffer.concat([header.subarray(20), Buffer.from('hello')]));
  await until('the server heard it', () => heard.toString('latin1').endsWith('hello'));
  assert.equal(heard.toString('latin1'), 'PROXY TCP4 192.0.2.33 192.0.2.94 1234 8443\r\nhello');
  assert.equal(count('frontend', 'bytesIn'), 5);
});

test('balance source follows the client a header names', TIMEOUT, async (t) => {
  const servers = [await startEcho(t), await startEcho(t), await startEcho(t)];
  const { port, count } = await startPlane(t, {
    servers: servers.map((server) => server.port),
    frontend: { acceptProxy: true },
    backend: { balance: { kind: 'source' } },
  });
  for (let last = 0; last < 6; last++) {
    const client = await dial(t, port);
    client.write(`PROXY TCP4 10.0.0.${last} 10.0.0.9 1 2\r\nx`);
    await readBytes(client, 1);
  }
  assert.deepEqual(
    [0, 1, 2].map((server) => count(server, 'sessionsCurrent')),
    [2, 2, 2],
  );
});

test('a client without a header is cut off', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: { acceptProxy: true, clientTimeoutMs: 200 },
  });
  const ends: [string, (client: Socket) => void][] = [
    ['ECONNRESET', (client) => client.write('GET / HTTP/1.1\r\n\r\n')],
    ['ECONNRESET', (client) => client.end('PROXY TCP4 1.2')],
    ['ECONNRESET', () => {}],
  ];
  for (const [expected, act] of ends) {
    const client = await dial(t, port);
    act(client);
    assert.equal(await outcome(client.resume()), expected);
  }
  await until('all are counted', () => count('frontend', 'badGreetings') === 3);
  assert.equal(count(0, 'sessionsTotal'), 0);
  assert.equal(count('relay', 'connectionsCurrent'), 0);
});

test('a header comes before a hello that is said twice', TIMEOUT, async (t) => {
  const hello = clientHello().toString('latin1');
  const heard: string[] = ['', ''];
  const listen = (index: number) =>
    startServer(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        heard[index] += chunk.toString('latin1');
        if (index === 1) socket.write('answer');
      });
    });
  const servers = [await listen(0), await listen(1)];
  const { port } = await startPlane(t, {
    servers: servers.map((server) => server.port),
    server: { sendProxy: 1 },
    backend: { hedgeAfterMs: 40 },
  });
  const client = await dial(t, port);
  client.write(hello, 'latin1');
  await once(client, 'readable');
  const [header = ''] = (heard[0] ?? '').split('\r\n');
  assert.match(header, /^PROXY TCP4 /);
  assert.equal(heard[0]?.slice(header.length + 2), hello);
  assert.equal(heard[1], heard[0]);
});
