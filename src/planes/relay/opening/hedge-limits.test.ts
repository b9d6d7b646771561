/** What second servers may cost: a share of the new connections, and nothing where nobody gains. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Attempt, judged } from '../../../../test/kit/time-verdict.ts';
import { HEDGE_FLOOR } from '../../../balance/hedge-budget.ts';
import { clientHello } from '../fixture/client-hello.ts';
import { dial, readBytes, startServer, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';
import { startSlowServer } from '../fixture/slow-server.ts';

const TIMEOUT = { timeout: 300_000 };

async function startMute(t: TestContext) {
  return startServer(t, (socket) => socket.resume());
}

/** A client that asks once. */
async function ask(t: TestContext, port: number): Promise<void> {
  const client = await dial(t, port);
  client.write(clientHello());
  await readBytes(client, 1);
  client.destroy();
}

test(
  'a crowd costs servers that are slow together a tenth more hellos at most',
  TIMEOUT,
  async (t) => {
    const servers = [await startSlowServer(t, 8), await startSlowServer(t, 8)];
    const { port, count } = await startPlane(t, {
      servers: servers.map((server) => server.port),
      backend: { hedgeConnectMs: 60, hedgeAfterMs: 60 },
    });
    const clients = 200;
    await Promise.all(Array.from({ length: clients }, () => ask(t, port)));
    const hellos = servers.reduce((sum, server) => sum + server.hellos(), 0);
    assert.ok(hellos <= clients * 1.1, `${hellos} hellos`);
    assert.ok(count(0, 'hedgesRefused') + count(1, 'hedgesRefused') > clients / 2);
  },
);

test('more clients than hedges all get an answer while a server hangs', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const prompt = await startSlowServer(t, 0);
  const { port, count } = await startPlane(t, {
    servers: [mute.port, prompt.port],
    backend: { hedgeAfterMs: 300 },
  });
  const clients = HEDGE_FLOOR * 4;
  await Promise.all(Array.from({ length: clients }, () => ask(t, port)));
  assert.equal(count(0, 'hedges'), count(0, 'sessionsTotal'));
  assert.equal(count(1, 'hedgesWon'), count(0, 'sessionsTotal'));
  assert.ok(count(0, 'hedgesRefused') > 0, 'some waited for the next second');
});

test('new clients go past a server that hangs', TIMEOUT, async (t) => {
  const mute = await startMute(t);
  const prompt = [await startSlowServer(t, 0), await startSlowServer(t, 0)];
  const { port, count } = await startPlane(t, {
    servers: [mute.port, ...prompt.map((server) => server.port)],
    backend: { hedgeAfterMs: 40 },
  });
  await judged(t, async ({ holds }) => {
    const before = count(0, 'sessionsTotal');
    const end = performance.now() + 2500;
    let clients = 0;
    for (; performance.now() < end; clients++) await ask(t, port);
    holds(clients > 100, `${clients} clients`);
    assert.ok(count(0, 'hedges') > 0);
    const led = count(0, 'sessionsTotal') - before;
    holds(led <= 6, `the first of them, and one a second: ${led}`);
  });
});

test('a server that answers again has its share of new clients', TIMEOUT, async (t) => {
  await judged(t, (attempt) => recover(t, attempt));
});

/** The first server answers again; answers of a machine that pauses are late, too. */
async function recover(t: TestContext, { holds }: Attempt): Promise<void> {
  let hangs = true;
  const moody = await startServer(t, (socket) => {
    socket.on('data', () => {
      if (!hangs) socket.write('.');
    });
  });
  const prompt = await startSlowServer(t, 0);
  const { port, count } = await startPlane(t, {
    servers: [moody.port, prompt.port],
    backend: { hedgeAfterMs: 100 },
  });
  for (let turn = 0; turn < 4; turn++) await ask(t, port);
  const hedges = count(0, 'hedges');
  assert.ok(hedges > 0);
  hangs = false;
  // Probed within a second.
  const before = count(0, 'sessionsTotal');
  let clients = 0;
  while (count(0, 'sessionsTotal') < before + 10) {
    await ask(t, port);
    clients++;
    assert.ok(clients < 100_000, 'it is never asked again');
  }
  holds(count(0, 'hedges') === hedges, `${count(0, 'hedges') - hedges} are raced again`);
}

test('who waits for an answer is still waited for after a reload', TIMEOUT, async (t) => {
  const slow = await startSlowServer(t, 300);
  const prompt = await startSlowServer(t, 0);
  const { port, config, count, reconfigure } = await startPlane(t, {
    servers: [slow.port, prompt.port],
    backend: { hedgeAfterMs: 20_000 },
  });
  const answer = ask(t, port);
  await until('the server has the hello', () => slow.hellos() === 1);
  await reconfigure(config);
  await answer;
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
  await ask(t, port);
});
