import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { CheckConfig } from '../../health/kinds/check-kinds.ts';
import type { CheckResult } from '../../health/server-state.ts';
import { TEST_CHECK, testBackend, testServer } from '../fixture.ts';
import { ApartChecks } from './apart-checks.ts';
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

const NONE_APART = new ApartChecks(() => assert.fail('no check needs a secret'));

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
      heard: () => 0,
    },
    NONE_APART,
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
  const servers = {
    health: () => 3,
    inMaintenance: () => false,
    address: () => ({ host: '127.0.0.1', port: server.port }),
    recordCheck: (_: number, place: number) => results.push(`${place}`),
    heard: () => 0,
  };
  const checker = new Checker([], servers, NONE_APART);
  t.after(() => checker.stop());
  checker.start();
  checker.reconfigure([backend(never)]);
  await until('it is checked', () => results.length === 1);
  checker.reconfigure([backend(never)]);
  checker.reconfigure([backend(OFTEN)]);
  await until('it is checked by the new interval', () => results.length >= 4);
});

test('a check that needs a secret is asked for, and is the next one only after its answer', async (t) => {
  const asked: { readonly kind: string; readonly id?: number; readonly host?: string }[] = [];
  const apart = new ApartChecks((message) => asked.push(message));
  const results: string[] = [];
  const servers = {
    health: () => 3,
    inMaintenance: () => false,
    address: () => ({ host: '10.0.0.7', port: 7 }),
    recordCheck: (_: number, place: number, { status, inconclusive }: CheckResult) =>
      results.push(`${place} ${status} ${inconclusive === true}`),
    heard: () => 0,
  };
  const check: CheckConfig = { ...OFTEN, apart: true };
  const checker = new Checker(
    [testBackend({ servers: [testServer('one', { check })] })],
    servers,
    apart,
  );
  t.after(() => checker.stop());
  checker.start();
  await until('it is asked for', () => asked.length === 1);
  assert.equal(asked[0]?.host, '10.0.0.7');
  apart.answer(asked[0]?.id ?? 0, { status: 'L7OK', passed: true, info: '', durationMs: 1 });
  await until('it is asked for again', () => asked.length === 2);
  // Nobody could run it.
  apart.answer(asked[1]?.id ?? 0, null);
  await until('it is asked for a third time', () => asked.length === 3);
  checker.stop();
  apart.answer(asked[2]?.id ?? 0, { status: 'L4CON', passed: false, info: '', durationMs: 1 });
  assert.deepEqual(results, ['0 L7OK false', '0 SOCKERR true']);
  assert.equal(asked.at(-1)?.kind, 'end-check');
});

/** A server that takes connections and, from `hang()` on, answers nothing. */
async function hangingServer(t: TestContext): Promise<{ port: number; hang: () => void }> {
  let hangs = false;
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', () => {
        if (!hangs) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, hang: () => (hangs = true) };
}

test('one that hangs is not given all of a check, unless traffic hears it', async (t) => {
  const { port, hang } = await hangingServer(t);
  const request = { method: 'GET', uri: '/readyz', version: '1.1', headers: [], body: '' } as const;
  const check: CheckConfig = {
    ...{ ...TEST_CHECK, intervalMs: 20, fastIntervalMs: 20, connectTimeoutMs: 60_000 },
    ...{ kind: 'http', tls: null, expect: [], drainOn: 'none', keepConnection: true },
    request: { ...request, token: null },
    learnsPatience: true,
  };
  const results: string[] = [];
  let heard = 0;
  let isHeard = true;
  let looks = 0;
  const servers = {
    health: () => 3,
    inMaintenance: () => false,
    address: () => ({ host: '127.0.0.1', port }),
    recordCheck: (_: number, __: number, { status }: CheckResult) => results.push(status),
    heard: () => {
      looks++;
      return isHeard ? heard++ : heard;
    },
  };
  const backend = testBackend({ servers: [testServer('one', { port, check })] });
  const checker = new Checker([backend], servers, NONE_APART);
  t.after(() => checker.stop());
  checker.start();
  await until('it answers', () => results.length >= 10);
  assert.deepEqual([...new Set(results)], ['L7OK']);
  hang();
  looks = 0;
  await until('it is looked at again', () => looks >= 6);
  assert.ok(!results.includes('L7TOUT'), 'who is heard does not hang');
  isHeard = false;
  await until('it hangs', () => results.filter((one) => one === 'L7TOUT').length === 3);
});

test('a check that another process runs is broken off there', () => {
  const asked: { readonly kind: string; readonly id?: number }[] = [];
  const apart = new ApartChecks((message) => asked.push(message));
  const check = apart.create('b', 's', { host: '10.0.0.7', port: 7 });
  const results: CheckResult[] = [];
  check.run((result) => results.push(result));
  check.expire();
  check.expire();
  assert.deepEqual(
    asked.map(({ kind }) => kind),
    ['check', 'end-check'],
  );
  apart.answer(asked[0]?.id ?? 0, null);
  assert.deepEqual(
    results.map(({ status, passed, inconclusive }) => [status, passed, inconclusive]),
    [['L7TOUT', false, undefined]],
  );
});
