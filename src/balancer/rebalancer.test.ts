/** Real sockets: a server returns, and the connections of the others spread again. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { dial, readBytes, startEcho, until } from '../planes/relay/fixture/peers.ts';
import { type Plane, startPlane } from '../planes/relay/fixture/plane.ts';
import { Rebalancer } from './rebalancer.ts';
import { ServerTable } from './servers/server-table.ts';

const CLIENTS = 24;
const RATE_PER_S = 20;

/** A client as those of Kubernetes: it says something, keeps quiet, and comes back when it is ended. */
function watch(t: TestContext, port: number, ends: { count: number }): Promise<Socket> {
  return dial(t, port).then(async (socket) => {
    socket.write('x');
    await readBytes(socket, 1);
    socket.resume();
    socket.once('end', () => {
      ends.count++;
      socket.destroy();
      // At the end of the test there is nothing to come back to.
      watch(t, port, ends).catch(() => {});
    });
    return socket;
  });
}

function build(t: TestContext, { plane, config }: Plane) {
  const lines: string[] = [];
  const table = new ServerTable({
    backends: config.backends,
    records: [],
    now: () => performance.now(),
    sessions: () => 0,
    connects: () => 0,
    onDown: (backend, server) => {
      const { name, servers } = config.backends[backend] ?? { name: '', servers: [] };
      plane.shutdownSessions(name, servers[server]?.name ?? '');
    },
    onUp: () => {},
    log: (_, { text }) => lines.push(text),
    onChange: () => plane.apply(table.snapshot()),
  });
  const rebalancer = new Rebalancer({
    table,
    plane,
    now: () => performance.now(),
    random: Math.random,
    log: (_, { text }) => lines.push(text),
  });
  const timer = setInterval(() => rebalancer.findReturned(), 20);
  t.after(() => {
    clearInterval(timer);
    rebalancer.stop();
  });
  return { table, lines, rebalancer };
}

test('watches spread again when a server returns, none beyond, busy ones never', async (t) => {
  const servers = [await startEcho(t), await startEcho(t), await startEcho(t)];
  const plane = await startPlane(t, {
    servers: servers.map(({ port }) => port),
    relays: 2,
    backend: {
      balance: { kind: 'leastconn' },
      rebalance: { afterMs: 100, ratePerS: RATE_PER_S },
    },
  });
  const { table, lines, rebalancer } = build(t, plane);
  const open = (): number[] => [0, 1, 2].map((server) => plane.count(server, 'sessionsCurrent'));
  rebalancer.findReturned();
  table.setAdmin(0, 0, 'maint');
  await plane.publish([false, true, true]);
  rebalancer.findReturned();
  const ends = { count: 0 };
  const busy = await watch(t, plane.port, ends);
  const talk = setInterval(() => busy.write('y'), 50);
  t.after(() => clearInterval(talk));
  for (let client = 1; client < CLIENTS; client++) await watch(t, plane.port, ends);
  assert.deepEqual(open(), [0, CLIENTS / 2, CLIENTS / 2]);

  const least = [CLIENTS, CLIENTS, CLIENTS];
  table.setAdmin(0, 0, 'ready');
  await until('it is over', () => {
    for (const [server, count] of open().entries()) {
      least[server] = Math.min(least[server] ?? 0, count);
    }
    return lines.some((line) => line.startsWith('Rebalanced'));
  });
  await until('all have come back', () => open().join() === '8,8,8');
  // Between the end of one and its return a server has one less, never more than that.
  assert.ok((least[1] ?? 0) >= CLIENTS / 3 && (least[2] ?? 0) >= CLIENTS / 3, String(least));
  assert.equal(ends.count, CLIENTS / 3);
  assert.equal(plane.count(1, 'rebalanced') + plane.count(2, 'rebalanced'), CLIENTS / 3);
  assert.equal(busy.readyState, 'open');
  assert.deepEqual(
    lines.filter((line) => /Rebalanc/.test(line)),
    [
      `Rebalancing back: moving ${CLIENTS / 3} of ${CLIENTS} connections to s1 over about 1 s.`,
      `Rebalanced back: ${CLIENTS / 3} of ${CLIENTS / 3} connections moved.`,
    ],
  );
});
