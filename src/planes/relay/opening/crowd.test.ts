/** A crowd in front of servers that are not known yet: each gets as many hellos as it works at, the others wait. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BackendConfig } from '../../../config/model/traffic.ts';
import { clientHello } from '../fixture/client-hello.ts';
import { startHeldServer } from '../fixture/held-server.ts';
import { dial, outcome, readBytes, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };
const ADMISSION = { cold: 4, max: 64 };

/** A client that asks once. */
async function ask(t: TestContext, port: number): Promise<void> {
  const client = await dial(t, port);
  client.write(clientHello());
  await readBytes(client, 1);
  client.destroy();
}

const BACKENDS: readonly Partial<BackendConfig>[] = [
  { hedgeAfterMs: 10_000 },
  { balance: { kind: 'source' } },
  { balance: { kind: 'leastconn' }, hedgeConnectMs: 60, hedgeAfterMs: 150 },
];

for (const backend of BACKENDS) {
  test(`a crowd storms no server: ${JSON.stringify(backend)}`, TIMEOUT, async (t) => {
    const servers = [await startHeldServer(t), await startHeldServer(t)];
    const { port, count } = await startPlane(t, {
      servers: servers.map((server) => server.port),
      backend: { admission: ADMISSION, queueTimeoutMs: 60_000, ...backend },
    });
    const waiting = (): number =>
      count('backend', 'queueCurrent') + count(0, 'queueCurrent') + count(1, 'queueCurrent');
    const answers = Array.from({ length: 60 }, () => ask(t, port));
    // One source has one server.
    const taken = backend.balance?.kind === 'source' ? ADMISSION.cold : 2 * ADMISSION.cold;
    await until('the others wait', () => waiting() === 60 - taken);
    const asked = servers.map(({ asking }) => asking.length);
    await until('those have asked', () => servers.flatMap(({ asking }) => asking).length === taken);
    assert.ok(Math.max(...asked) <= ADMISSION.cold, `${asked}`);
    for (const server of servers) server.release();
    await Promise.all(answers);
    assert.equal(waiting(), 0);
  });
}

test(
  'one server alone is not stormed, and who says nothing keeps nobody out',
  TIMEOUT,
  async (t) => {
    const server = await startHeldServer(t);
    const { port, count } = await startPlane(t, {
      servers: [server.port],
      backend: { admission: ADMISSION, queueTimeoutMs: 60_000 },
    });
    for (let index = 0; index < 3 * ADMISSION.cold; index++) await dial(t, port);
    await until('the silent have it', () => count(0, 'sessionsCurrent') === 3 * ADMISSION.cold);
    const answers = Array.from({ length: 10 }, () => ask(t, port));
    await until('some wait', () => count('backend', 'queueCurrent') === 10 - ADMISSION.cold);
    await until('the others ask', () => server.asking.length === ADMISSION.cold);
    server.release();
    await Promise.all(answers);
  },
);

test('who waits too long for a server that hangs is told so', TIMEOUT, async (t) => {
  const mute = await startHeldServer(t);
  const { port, count, config, reconfigure } = await startPlane(t, {
    servers: [mute.port],
    backend: { admission: ADMISSION, queueTimeoutMs: 300 },
  });
  const clients = await Promise.all(Array.from({ length: 10 }, () => dial(t, port)));
  const ends = clients.map((client) => outcome(client));
  for (const client of clients) client.write(clientHello());
  await Promise.race(ends);
  await until('nobody waits', () => count('backend', 'queueCurrent') === 0);
  const served = count(0, 'sessionsCurrent');
  assert.ok(served >= ADMISSION.cold && served < clients.length, `${served}`);
  // Without a limit from now on: whoever comes has the server.
  const free = config.backends.map(({ admission, ...backend }) => backend);
  await reconfigure({ ...config, backends: free });
  const late = await dial(t, port);
  late.write(clientHello());
  await until('it has the server', () => count(0, 'sessionsCurrent') === served + 1);
});
