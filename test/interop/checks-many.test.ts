/**
 * Many servers, half of them with `check`: each check goes to its own server and takes none of another's
 * connections, and a server without `check` hears of us only when a client is sent to it.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** A server that counts its connections and says its number. */
async function counting(t: TestContext, number: number) {
  const seen = { connections: 0 };
  const { port } = await startServer(t, (socket) => {
    seen.connections++;
    socket.end(String(number));
  });
  return { seen, port };
}

const DEFAULTS = `
defaults
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  default-server no-check inter 200ms rise 1 fall 1
`;

test('only servers with "check" are checked, each by itself', { timeout: 300_000 }, async (t) => {
  const servers = await Promise.all(Array.from({ length: 40 }, (_, at) => counting(t, at)));
  const lines = servers.map(
    ({ port }, at) => `  server s${at} 127.0.0.1:${port}${at % 2 === 1 ? ' check' : ''}\n`,
  );
  const { config } = parseHaproxy(
    'haproxy.cfg',
    `${DEFAULTS}listen one\n  bind 127.0.0.1:1\n  balance roundrobin\n${lines.join('')}`,
    {},
  );
  assert.ok(config !== null);
  const balancer = await startBalancer(t, config);
  const odd = servers.filter((_, at) => at % 2 === 1);
  const even = servers.filter((_, at) => at % 2 === 0);
  await waitUntil('each checked server was seen three times', () =>
    odd.every(({ seen }) => seen.connections >= 3),
  );
  assert.deepEqual(
    even.map(({ seen }) => seen.connections),
    Array(20).fill(0),
  );
  // One round of clients passes every server once, in the order of the file.
  const answers: string[] = [];
  for (let turn = 0; turn < servers.length; turn++) {
    const client = connect(balancer.ports.one ?? 0, '127.0.0.1');
    const [number] = await once(client, 'data');
    answers.push(String(number));
    client.destroy();
  }
  assert.deepEqual(
    answers,
    servers.map((_, at) => String(at)),
  );
  assert.deepEqual(
    even.map(({ seen }) => seen.connections),
    Array(20).fill(1),
  );
});

test('checks of twenty backends with the same servers do not mix', {
  timeout: 300_000,
}, async (t) => {
  const pairs = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => [await counting(t, at), await counting(t, at)]),
  );
  // The first server of each takes the clients and is not checked; only the second may be.
  const proxies = pairs.map(
    ([first, second], at) =>
      `listen l${at}\n  bind 127.0.0.1:${at + 1}\n  balance first\n` +
      `  server a 127.0.0.1:${first?.port}\n  server b 127.0.0.1:${second?.port} check\n`,
  );
  const { config } = parseHaproxy('haproxy.cfg', `${DEFAULTS}${proxies.join('')}`, {});
  assert.ok(config !== null);
  const balancer = await startBalancer(t, config);
  await waitUntil('every second server was checked', () =>
    pairs.every(([, second]) => (second?.seen.connections ?? 0) >= 2),
  );
  for (const [at, [first]] of pairs.entries()) {
    const client = connect(balancer.ports[`l${at}`] ?? 0, '127.0.0.1');
    const [number] = await once(client, 'data');
    client.destroy();
    assert.equal(String(number), String(at));
    assert.equal(first?.seen.connections, 1);
  }
});
