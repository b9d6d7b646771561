/** Sessions on their way from one configuration to another, with real sockets. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { fromNetworks } from '../../../config/model/conditions.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import type { ServerConfig } from '../../../config/model/traffic.ts';
import {
  dial,
  outcome,
  type Peer,
  readBytes,
  startEcho,
  startServer,
  until,
} from '../fixture/peers.ts';
import { type Plane, planeConfig, startPlane } from '../fixture/plane.ts';
import { silentPort } from '../fixture/silent-port.ts';

const TIMEOUT = { timeout: 300_000 };

/** A server that says its port for every byte it hears. */
async function startNamed(t: TestContext): Promise<Peer> {
  const peer = await startServer(t, (socket) => {
    socket.on('data', (bytes) => socket.write(`${socket.localPort} `.repeat(bytes.length)));
    socket.on('end', () => socket.end());
  });
  return peer;
}

type Session = {
  readonly client: Socket;
  readonly server: number;
  readonly end: { why: string | null };
};

async function open(t: TestContext, port: number): Promise<Session> {
  const client = await dial(t, port);
  const end = { why: null as string | null };
  void outcome(client).then((why) => {
    end.why = why;
  });
  return { client, server: await ask(client), end };
}

/** The port of the server behind it, by its own word. */
async function ask(client: Socket): Promise<number> {
  client.write('x');
  const text = (await readBytes(client, 2)).toString();
  return Number(text.trim().split(' ')[0]);
}

/** A configuration with these servers, under names and settings that may be others each time. */
type Change = {
  readonly servers: readonly number[];
  readonly names: 'kept' | 'shifted';
  readonly frontend: string;
  readonly backend: string;
  readonly clientTimeoutMs: number;
};

const change = (ports: readonly number[]): fc.Arbitrary<Change> =>
  fc.record({
    servers: fc.shuffledSubarray([...ports], { minLength: 1 }),
    names: fc.constantFrom('kept' as const, 'shifted' as const),
    frontend: fc.constantFrom('front', 'front', 'other'),
    backend: fc.constantFrom('back', 'back', 'rear'),
    clientTimeoutMs: fc.constantFrom(10_000, 20_000, 0),
  });

const BIND = { address: { kind: 'ipv4', host: '127.0.0.1', port: 1 }, origin: 'a.cfg:1' } as const;

function configOf({ servers, names, frontend, backend, clientTimeoutMs }: Change): BalancerConfig {
  const base = planeConfig({ servers, relays: 2, frontend: { name: frontend, binds: [BIND] } });
  const name = (index: number) => (names === 'kept' ? `p${servers[index]}` : `s${index}`);
  const named = (list: readonly ServerConfig[]) =>
    list.map((server, index) => ({ ...server, name: name(index) }));
  return {
    ...base,
    frontends: base.frontends.map((one) => ({ ...one, backend, clientTimeoutMs })),
    backends: base.backends.map((one) => ({
      ...one,
      name: backend,
      balance: { kind: 'leastconn' },
      servers: named(one.servers),
    })),
  };
}

/** Every gauge says what is there. */
function checkGauges(
  { plane, count }: Plane,
  config: BalancerConfig,
  alive: readonly Session[],
): void {
  assert.equal(count('relay', 'connectionsCurrent'), alive.length);
  assert.equal(count('frontend', 'connectionsCurrent'), alive.length);
  assert.equal(count('backend', 'sessionsCurrent'), alive.length);
  for (const [index, { port }] of (config.backends[0]?.servers ?? []).entries()) {
    const current = plane.counters.server(0, index, 'sessionsCurrent');
    assert.equal(current, alive.filter(({ server }) => server === port).length, `server ${port}`);
  }
}

test(
  'any configuration after any other cuts what it does not allow, and nothing else',
  TIMEOUT,
  async (t) => {
    const peers = await Promise.all([startNamed(t), startNamed(t), startNamed(t), startNamed(t)]);
    const ports = peers.map(({ port }) => port);
    const plane = await startPlane(t, { servers: ports, relays: 2 });
    const first = { servers: ports, names: 'kept', frontend: 'front', backend: 'back' } as const;
    await plane.reconfigure(configOf({ ...first, clientTimeoutMs: 10_000 }));
    let sessions: Session[] = [];
    let total = 0;
    for (const step of fc.sample(change(ports), { numRuns: 25, seed: 20261125 })) {
      while (sessions.length < 16) {
        sessions.push(await open(t, plane.port));
        total++;
      }
      const config = configOf(step);
      const allowed = ({ server }: Session) => step.servers.includes(server);
      const gone = sessions.filter((session) => !allowed(session));
      assert.equal(await plane.reconfigure(config), gone.length, JSON.stringify(step));
      await until('what is not allowed is reset', () => gone.every(({ end }) => end.why !== null));
      assert.deepEqual(
        [...new Set(gone.map(({ end }) => end.why))],
        gone.length > 0 ? ['ECONNRESET'] : [],
      );
      sessions = sessions.filter(allowed);
      checkGauges(plane, config, sessions);
      assert.equal(plane.count('relay', 'connectionsTotal'), total);
      for (const { client, server, end } of sessions) {
        assert.equal(end.why, null);
        assert.equal(await ask(client), server);
      }
    }
  },
);

test('a stream in both directions goes on through reloads', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const plane = await startPlane(t, { servers: [echo.port] });
  const client = await dial(t, plane.port);
  const bytes = 24 << 20;
  const whole = readBytes(client, bytes);
  client.write(Buffer.alloc(bytes, 7));
  for (let turn = 1; turn <= 10; turn++) {
    const options = { servers: [echo.port], frontend: { clientTimeoutMs: turn * 10_000 } };
    assert.equal(await plane.reconfigure(planeConfig(options)), 0);
  }
  assert.ok((await whole).every((byte) => byte === 7));
  // What was counted before is counted still.
  assert.equal(plane.count('frontend', 'bytesIn'), bytes);
  assert.equal(plane.count(0, 'bytesOut'), bytes);
});

test('new timeouts hold for sessions that are open', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  // Without any limit before, nothing but the reload sets one.
  const backend = { serverTimeoutMs: 0 };
  const options = { servers: [echo.port], frontend: { clientTimeoutMs: 0 }, backend };
  const plane = await startPlane(t, options);
  const client = await dial(t, plane.port);
  client.write('x');
  await readBytes(client, 1);
  await plane.reconfigure(planeConfig({ ...options, frontend: { clientTimeoutMs: 50 } }));
  assert.equal(await outcome(client.resume()), 'end');
});

test('new source rules end the sessions of those they deny', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const plane = await startPlane(t, { servers: [echo.port] });
  const denied = await dial(t, plane.port, '127.0.0.2');
  const allowed = await dial(t, plane.port, '127.0.0.3');
  for (const client of [denied, allowed]) {
    client.write('x');
    await readBytes(client, 1);
  }
  const connectionRules = [{ action: 'reject', when: fromNetworks(['127.0.0.2']) }] as const;
  const config = planeConfig({ servers: [echo.port], frontend: { connectionRules } });
  const end = outcome(denied);
  assert.equal(await plane.reconfigure(config), 1);
  assert.equal(await end, 'ECONNRESET');
  allowed.write('y');
  assert.equal((await readBytes(allowed, 1)).toString(), 'y');
});

test('clients that wait are served by a server that comes, in their order', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const other = await startEcho(t);
  const full = { servers: [echo.port], server: { connectionsMax: 1 } };
  const plane = await startPlane(t, full);
  const first = await dial(t, plane.port);
  first.write('x');
  await readBytes(first, 1);
  const answered: string[] = [];
  for (const name of ['second', 'third']) {
    const before = plane.count('backend', 'queueCurrent');
    const client = await dial(t, plane.port);
    client.write('x');
    void readBytes(client, 1).then(() => answered.push(name));
    await until('it waits', () => plane.count('backend', 'queueCurrent') === before + 1);
  }
  assert.equal(await plane.reconfigure(planeConfig(full)), 0);
  assert.equal(plane.count('backend', 'queueCurrent'), 2);
  await plane.reconfigure(planeConfig({ ...full, servers: [echo.port, other.port] }));
  await until('the second is served', () => answered.length > 0);
  assert.deepEqual(answered, ['second']);
  await plane.reconfigure(planeConfig({ servers: [echo.port, other.port] }));
  await until('the third is served', () => answered.length === 2);
  assert.equal(plane.count('backend', 'queueCurrent'), 0);
});

test('a client whose server goes before it is connected gets another', TIMEOUT, async (t) => {
  const silent = await silentPort(t);
  const echo = await startEcho(t);
  const plane = await startPlane(t, { servers: [silent] });
  const client = await dial(t, plane.port);
  client.write('x');
  await until('it is on its way', () => plane.count(0, 'sessionsCurrent') === 1);
  assert.equal(await plane.reconfigure(planeConfig({ servers: [echo.port] })), 0);
  assert.equal((await readBytes(client, 1)).toString(), 'x');
  assert.equal(plane.count(0, 'sessionsCurrent'), 1);
});
