/** Who may connect and how often, and how dead peers are found. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { judged } from '../../../../test/kit/time-verdict.ts';
import { ALWAYS, aboveConnections, fromNetworks } from '../../../config/model/conditions.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { getsockoptCall } from '../../../linux/socket-calls.ts';
import { AF_INET, IPPROTO_TCP } from '../../../linux/sockets.ts';
import { lastAddress, localAddress } from '../../../linux/stream-calls.ts';
import { dial, outcome, readBytes, startEcho, until } from '../fixture/peers.ts';
import { type PlaneOptions, planeConfig, startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };

const TCP_USER_TIMEOUT = 18;
const TCP_KEEPIDLE = 4;
const SO_KEEPALIVE = 9;

async function isServed(t: TestContext, port: number, host: string): Promise<boolean> {
  try {
    const client = await dial(t, port, host);
    client.write('x');
    await readBytes(client, 1);
    return true;
  } catch {
    // Reset, maybe before the connect was reported.
    return false;
  }
}

test('rules say who may connect', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: {
      connectionRules: [
        { action: 'reject', when: fromNetworks(['127.0.0.66']) },
        { action: 'accept', when: fromNetworks(['127.0.0.64/26', 'fd00::/8']) },
        { action: 'reject', when: ALWAYS },
      ],
    },
  });
  assert.equal(await isServed(t, port, '127.0.0.65'), true);
  assert.equal(await isServed(t, port, '127.0.0.66'), false);
  assert.equal(await isServed(t, port, '127.0.0.128'), false);
  await until('both are counted', () => count('frontend', 'connectionsDenied') === 2);
  assert.equal(count('frontend', 'sessionsTotal'), 1);
  assert.equal(count('frontend', 'connectionsTotal'), 3);
});

test('a source that connects too often is reset, others are not', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: { sourceRate: { connections: 2, periodMs: 60_000 } },
  });
  for (const expected of [true, true, false]) {
    assert.equal(await isServed(t, port, '127.0.0.7'), expected);
  }
  assert.equal(await isServed(t, port, '127.0.0.8'), true);
  await until('one is counted', () => count('frontend', 'connectionsDenied') === 1);
});

test(
  'a source has its connections over all relays and a reload, and no more',
  TIMEOUT,
  async (t) => {
    const echo = await startEcho(t);
    const options: PlaneOptions = {
      servers: [echo.port],
      relays: 2,
      tables: [
        { name: 'front', family: 'any', sources: 64, idleMs: 0, periodMs: 1, counts: ['current'] },
      ],
      frontend: {
        connectionRules: [
          { action: 'track', place: 0, table: 'front', when: ALWAYS },
          { action: 'reject', when: aboveConnections(0, 4) },
        ],
      },
    };
    const plane = await startPlane(t, options);
    const clients: Socket[] = [];
    for (let count = 0; count < 4; count++) {
      const client = await dial(t, plane.port, '127.0.0.7');
      client.write('x');
      await readBytes(client, 1);
      clients.push(client);
    }
    assert.equal(await isServed(t, plane.port, '127.0.0.7'), false);
    assert.equal(await isServed(t, plane.port, '127.0.0.8'), true);
    assert.equal(await plane.reconfigure(planeConfig(options)), 0);
    assert.equal(await isServed(t, plane.port, '127.0.0.7'), false);
    clients[0]?.destroy();
    await until('it has gone', () => plane.count('frontend', 'connectionsCurrent') === 4);
    assert.equal(await isServed(t, plane.port, '127.0.0.7'), true);
    assert.equal(plane.count('frontend', 'connectionsDenied'), 2);
  },
);

test('idle clients of one source are bounded by its rate and their timeout', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: { clientTimeoutMs: 200, sourceRate: { connections: 10, periodMs: 400 } },
    backend: { serverTimeoutMs: 0 },
  });
  await judged(t, async ({ holds }) => {
    const end = performance.now() + 1500;
    let sent = 0;
    let most = 0;
    while (performance.now() < end) {
      // They say nothing and never go by themselves.
      const idle = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.7' });
      idle.on('error', () => {});
      t.after(() => idle.destroy());
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      most = Math.max(most, count('frontend', 'connectionsCurrent'));
    }
    assert.equal(await isServed(t, port, '127.0.0.8'), true);
    // Those of one period and, where two meet, of the next.
    holds(sent > 60 && most > 0 && most <= 20, `${most} of ${sent}`);
  });
});

test('the rules stand before the PROXY protocol', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: {
      acceptProxy: true,
      connectionRules: [{ action: 'reject', when: fromNetworks(['127.0.0.9']) }],
    },
  });
  const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  t.after(() => client.destroy());
  assert.equal(await outcome(client.resume()), 'ECONNRESET');
  await until('it is counted', () => count('frontend', 'connectionsDenied') === 1);
});

/** Of the sockets of this process, by a condition on their local port. */
function options(level: number, option: number, chosen: (port: number) => boolean): number[] {
  const value = pinnedBuffer(4096);
  const values: number[] = [];
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (localAddress(fd) !== 0 || lastAddress[0] !== AF_INET) continue;
    if (!chosen(((lastAddress[2] ?? 0) << 8) | (lastAddress[3] ?? 0))) continue;
    value.writeInt32LE(4, 16);
    const start = addressOf(value);
    if (getsockoptCall(fd, level, option, start, start + 16) === 0)
      values.push(value.readInt32LE(0));
  }
  return values;
}

test('sockets of both sides carry keepalive and user timeout', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: {
      keepalive: { idleMs: 31_500, intervalMs: 5000, probes: 3 },
      userTimeoutMs: 45_000,
    },
    backend: { keepalive: { idleMs: 77_000, intervalMs: null, probes: null } },
    server: { userTimeoutMs: 46_000 },
  });
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  await until('it is open', () => count(0, 'sessionsCurrent') === 1);
  const accepted = (one: number): boolean => one === port;
  // The listener and the socket it gave.
  assert.deepEqual(options(IPPROTO_TCP, TCP_USER_TIMEOUT, accepted), [45_000, 45_000]);
  assert.deepEqual(options(IPPROTO_TCP, TCP_KEEPIDLE, accepted), [32, 32]);
  assert.deepEqual(options(1, SO_KEEPALIVE, accepted), [1, 1]);
  const others = (one: number): boolean => one !== port && one !== 0;
  assert.ok(options(IPPROTO_TCP, TCP_USER_TIMEOUT, others).includes(46_000));
  assert.ok(options(IPPROTO_TCP, TCP_KEEPIDLE, others).includes(77));
});

test('without a word of it sockets stay as the kernel has them', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port } = await startPlane(t, { servers: [echo.port] });
  const client = await dial(t, port);
  client.write('x');
  await readBytes(client, 1);
  assert.deepEqual(
    options(1, SO_KEEPALIVE, (one) => one === port),
    [0, 0],
  );
  assert.deepEqual(
    options(IPPROTO_TCP, TCP_USER_TIMEOUT, (one) => one === port),
    [0, 0],
  );
});
