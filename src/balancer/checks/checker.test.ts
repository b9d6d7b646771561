import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { CheckConfig } from '../../health/kinds/check-kinds.ts';
import { TEST_CHECK, testBackend, testServer } from '../fixture.ts';
import { Checker } from './checker.ts';

const OFTEN: CheckConfig = {
  ...TEST_CHECK,
  intervalMs: 20,
  fastIntervalMs: 20,
  downIntervalMs: 20,
};

/** A server on loopback: its port, and how often it was connected to. */
async function serve(t: TestContext): Promise<{ port: number; connections: () => number }> {
  let count = 0;
  const server: Server = createServer((socket) => {
    count++;
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, connections: () => count };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('other backends: checks that stay go on under their new places, the others end', async (t) => {
  const [one, two] = [await serve(t), await serve(t)];
  const results: string[] = [];
  const checker = new Checker(
    [
      testBackend({
        servers: [
          testServer('one', { port: one.port, check: OFTEN }),
          testServer('two', { port: two.port, check: OFTEN }),
        ],
      }),
    ],
    {
      health: () => 3,
      inMaintenance: () => false,
      address: (backend, server) => ({
        host: '127.0.0.1',
        port: backend === 0 && server === 0 ? one.port : two.port,
      }),
      recordCheck: (backend, server) => results.push(`${backend}/${server}`),
    },
  );
  t.after(() => checker.stop());
  checker.start();
  await until('both are checked', () => results.includes('0/0') && results.includes('0/1'));
  checker.reconfigure([
    testBackend({ name: 'other', servers: [] }),
    testBackend({ servers: [testServer('two', { port: two.port, check: OFTEN })] }),
  ]);
  results.length = 0;
  const gone = one.connections();
  await until('the one that stays is checked', () => results.length >= 3);
  assert.deepEqual([...new Set(results)], ['1/0']);
  // A connect of before may be accepted only now.
  assert.ok(one.connections() <= gone + 1, `${one.connections()} of ${gone}`);
});

test('a check that changes begins anew, and one that is new begins', async (t) => {
  const server = await serve(t);
  const results: string[] = [];
  const never: CheckConfig = { ...TEST_CHECK, intervalMs: 60_000, fastIntervalMs: 60_000 };
  const backend = (check: CheckConfig) =>
    testBackend({ servers: [testServer('one', { port: server.port, check })] });
  const checker = new Checker([], {
    health: () => 3,
    inMaintenance: () => false,
    address: () => ({ host: '127.0.0.1', port: server.port }),
    recordCheck: (_, place) => results.push(`${place}`),
  });
  t.after(() => checker.stop());
  checker.start();
  checker.reconfigure([backend(never)]);
  await until('it is checked', () => results.length === 1);
  checker.reconfigure([backend(never)]);
  checker.reconfigure([backend(OFTEN)]);
  await until('it is checked by the new interval', () => results.length >= 4);
});
