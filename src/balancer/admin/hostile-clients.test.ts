/**
 * Clients of the stats page and the runtime socket that mean harm or nothing: silent, slow, deaf, too many,
 * or random. Each is bounded, and the next one is served.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { HttpFrontendConfig } from '../../config/model/traffic.ts';
import { testBackend, testConfig, testServer } from '../fixture.ts';
import { testContext } from './fixture.ts';
import { newHttpProxyCounts } from './http-counts.ts';
import { CLIENTS_MAX, createRuntimeSocket } from './runtime-socket.ts';
import { createHttpFrontend } from './stats-page.ts';

const TIMEOUT = { timeout: 300_000 };
const PAGE = 'GET /haproxyadmin?stats HTTP/1.1\r\nhost: a\r\n';
const AUTHORIZATION = `authorization: Basic ${btoa('admin:admin')}\r\n`;

async function listen(
  t: TestContext,
  server: Server,
): Promise<(bytes?: string, from?: string) => Socket> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (bytes = '', localAddress = '127.0.0.1') => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    if (bytes !== '') socket.write(bytes);
    return socket;
  };
}

/** Everything that comes until the connection ends. */
async function hear(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  // A reset is an end like any other.
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function servePage(t: TestContext, changes: Partial<HttpFrontendConfig> = {}) {
  // Many servers make a long page: a deaf client must not be able to have it all put into buffers.
  const servers = Array.from({ length: 1000 }, (_, index) => testServer(`server-${index}`));
  const config = testConfig({ backends: [testBackend({ servers })] });
  const [frontend] = config.httpFrontends;
  assert.ok(frontend !== undefined);
  const counts = newHttpProxyCounts();
  const server = createHttpFrontend(
    { ...frontend, clientTimeoutMs: 400, ...changes },
    counts,
    testContext(config).context,
  );
  t.after(() => server.closeAllConnections());
  return { dial: await listen(t, server), counts };
}

function serveSocket(t: TestContext) {
  const backends = [testBackend({ balance: { kind: 'roundrobin' } })];
  return listen(t, createRuntimeSocket('admin', testContext(testConfig({ backends })).context));
}

test(
  'a page client that says nothing, or never ends its request, is dropped',
  TIMEOUT,
  async (t) => {
    const { dial } = await servePage(t);
    const dripping = dial(PAGE);
    const drip = setInterval(() => dripping.write('x-more: 1\r\n'), 50);
    t.after(() => clearInterval(drip));
    const endless = dial(
      'POST /haproxyadmin?stats HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\na',
    );
    const kept = dial(`${PAGE}\r\n`);
    const [silence, , , answer] = await Promise.all([dial(), dripping, endless, kept].map(hear));
    assert.doesNotMatch(silence ?? '', /200 OK/);
    assert.match(answer ?? '', /^HTTP\/1\.1 401 /);
  },
);

test('a page client that does not read its answer is dropped', TIMEOUT, async (t) => {
  const { dial, counts } = await servePage(t, { connectionsMax: 2 });
  const deaf = dial();
  deaf.pause();
  // More answers than the kernel takes for a client.
  for (let request = 0; request < 64; request++) deaf.write(`${PAGE}${AUTHORIZATION}\r\n`);
  await until('it is taken in', async () => counts.connectionsTotal === 1);
  await until('it is gone', async () => counts.connectionsCurrent === 0);
  assert.match(await hear(dial(`${PAGE}connection: close\r\n\r\n`)), /^HTTP\/1\.1 401 /);
});

test('without "timeout client" clients of the page stayed for ever', TIMEOUT, async (t) => {
  const { dial } = await servePage(t, { clientTimeoutMs: 0 });
  const [answer] = await once(dial(`${PAGE}connection: keep-alive\r\n\r\n`), 'data');
  assert.match(String(answer), /\r\nKeep-Alive: timeout=10\r\n/i);
});

test('half-sent requests keep nobody out, and no more than the limit stay', TIMEOUT, async (t) => {
  const { dial, counts } = await servePage(t, { connectionsMax: 100, clientTimeoutMs: 0 });
  const other = dial(PAGE, '127.0.0.2');
  await once(other, 'connect');
  const half = Array.from({ length: 150 }, () => dial(PAGE));
  await Promise.all(half.map((socket) => once(socket, 'connect')));
  for (const from of ['127.0.0.1', '127.0.0.3']) {
    const answer = await hear(dial(`${PAGE}connection: close\r\n\r\n`, from));
    assert.match(answer, /^HTTP\/1\.1 401 /, `the page is reached from ${from}`);
  }
  await until('those that had to go have gone', async () => {
    return half.filter((socket) => socket.closed).length >= 51;
  });
  assert.ok(
    half.slice(99).every((socket) => !socket.closed),
    'the oldest go first',
  );
  assert.ok(counts.connectionsMax <= 100, String(counts.connectionsMax));
  assert.ok(counts.connectionsDropped >= 51, String(counts.connectionsDropped));
  // Who has one keeps it while another has many.
  other.write('connection: close\r\n\r\n');
  assert.match(await hear(other), /^HTTP\/1\.1 401 /);
});

test('one address each makes no difference: a whole request is answered', TIMEOUT, async (t) => {
  const { dial } = await servePage(t, { connectionsMax: 20, clientTimeoutMs: 0 });
  const half = Array.from({ length: 40 }, (_, index) => dial(PAGE, `127.0.1.${index + 1}`));
  await Promise.all(half.map((socket) => once(socket, 'connect')));
  assert.match(await hear(dial(`${PAGE}connection: close\r\n\r\n`)), /^HTTP\/1\.1 401 /);
});

test(
  'socket clients above the limit are turned away until one is idle too long',
  TIMEOUT,
  async (t) => {
    const dial = await serveSocket(t);
    const idle = Array.from({ length: CLIENTS_MAX }, () => dial('prompt\nset timeout cli 1\n'));
    for (const socket of idle) await once(socket, 'readable');
    assert.equal(await hear(dial('show cli level\n')), '');
    const ends = idle.map(hear);
    await Promise.all(ends);
    assert.equal(await hear(dial('show cli level\n')), 'admin\n\n');
  },
);

test('property: random bytes to the page never bring it down', TIMEOUT, async (t) => {
  const { dial } = await servePage(t);
  const requests = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'PRI', 'get', ''),
        fc.oneof(
          fc.string(),
          fc.constantFrom('/haproxyadmin?stats', '*', 'http://a/b', '/%00;csv'),
        ),
        fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom(
              ...['content-length: -1', 'content-length: 1\r\ncontent-length: 2', 'host: ', ':'],
              ...['transfer-encoding: chunked', 'expect: 100-continue', 'upgrade: h2c', 'a:\0'],
              AUTHORIZATION.trim(),
            ),
          ),
          { maxLength: 6 },
        ),
        fc.uint8Array({ maxLength: 64 }),
      )
      .map(([method, target, version, headers, body]) =>
        Buffer.concat([
          Buffer.from([`${method} ${target} ${version}`, ...headers, '', ''].join('\r\n')),
          body,
        ]),
      ),
  );
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      const socket = dial();
      socket.end(bytes);
      await hear(socket);
    }),
    { numRuns: 150 },
  );
  const answer = await hear(dial(`${PAGE}${AUTHORIZATION}connection: close\r\n\r\n`));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
});

const WORDS = (
  'show stat info servers state sess table backend cli level set server weight state addr health ' +
  'kube-master/m1 kube-master/ /m1 kube-master/nobody maint drain ready 0 256 -1 99999999999 50% 1e3 ' +
  'disable enable shutdown sessions clear counters all prompt timeout maxconn global quit help ; ;;'
).split(' ');

test('property: words in any order get an answer each, and the end of it', TIMEOUT, async (t) => {
  const dial = await serveSocket(t);
  const line = fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...WORDS) }, fc.string()), {
      maxLength: 9,
    })
    .map((words) => words.join(' ').replaceAll('\n', ' '));
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      const socket = dial();
      socket.end(`${text}\n`);
      const answer = await hear(socket);
      const asked = text.split(';').some((part) => part.trim() !== '');
      if (asked && !/\bquit\b/.test(text)) assert.match(answer, /\n(> )?$/, text);
    }),
    { numRuns: 300 },
  );
  assert.equal(await hear(dial('show cli level\n')), 'admin\n\n');
});
