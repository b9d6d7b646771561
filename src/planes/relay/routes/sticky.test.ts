/** Sources that go where they went before, whichever relay takes their connection. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dial, readBytes, startServer } from '../fixture/peers.ts';
import { planeConfig, startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };
const STICKY = {
  balance: { kind: 'roundrobin' },
  stickySources: { sources: 1000, idleMs: 0 },
} as const;

/** Servers that say their number. */
function numbered(t: TestContext, count: number) {
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const { port } = await startServer(t, (socket) => socket.end(String(number)));
      return port;
    }),
  );
}

test('a source keeps its server over all relays, other sources have others', TIMEOUT, async (t) => {
  const servers = await numbered(t, 3);
  const { port, plane } = await startPlane(t, { servers, relays: 2, backend: STICKY });
  const ask = async (source: string): Promise<string> => {
    const client = await dial(t, port, source);
    const answer = await readBytes(client, 1);
    client.destroy();
    return String(answer);
  };
  const chosen = new Set<string>();
  for (let host = 1; host <= 6; host++) {
    const source = `127.0.1.${host}`;
    const first = await ask(source);
    chosen.add(first);
    // Enough connections to come to both relays.
    for (let turn = 0; turn < 10; turn++) assert.equal(await ask(source), first, source);
  }
  assert.equal(chosen.size, 3, 'the algorithm leads those that are new');
  const perRelay = plane.parts.frontend(0, 'connectionsTotal');
  assert.ok(Math.min(...perRelay) > 5, `both relays had connections: ${perRelay}`);
});

test('a source whose server is out moves, and stays where it went', TIMEOUT, async (t) => {
  const servers = await numbered(t, 3);
  const { port, publish } = await startPlane(t, { servers, backend: STICKY });
  const ask = async (): Promise<number> => {
    const client = await dial(t, port);
    const answer = await readBytes(client, 1);
    client.destroy();
    return Number(String(answer));
  };
  const first = await ask();
  assert.equal(await ask(), first);
  await publish([0, 1, 2].map((server) => server !== first));
  const second = await ask();
  assert.notEqual(second, first);
  await publish([true, true, true]);
  for (let turn = 0; turn < 5; turn++) assert.equal(await ask(), second);
});

test(
  'a reload keeps what sources were given, as long as the servers are the same',
  TIMEOUT,
  async (t) => {
    const servers = await numbered(t, 3);
    const options = { servers, backend: STICKY };
    const { port, reconfigure } = await startPlane(t, options);
    const askAll = async (hosts: readonly number[]): Promise<readonly string[]> => {
      const answers: string[] = [];
      for (const host of hosts) {
        const client = await dial(t, port, `127.0.2.${host}`);
        answers.push(`${host} ${await readBytes(client, 1)}`);
        client.destroy();
      }
      return answers.toSorted();
    };
    const hosts = [1, 2, 3, 4, 5, 6, 7, 8];
    const before = await askAll(hosts);
    await reconfigure(planeConfig({ ...options, frontend: { clientTimeoutMs: 9000 } }));
    // The algorithm begins again: without memory it would give other servers in this order.
    assert.deepEqual(await askAll(hosts.toReversed()), before);
    await reconfigure(planeConfig({ servers: servers.slice(0, 2), backend: STICKY }));
    assert.ok((await askAll(hosts)).every((answer) => !answer.endsWith(' 2')));
  },
);
