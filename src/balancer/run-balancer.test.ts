import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { BalancerConfig } from '../config/model/config.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../contracts/protocol.ts';
import { BEAT_PAGE_BYTES, MAIN_BEAT_SLOT, TID_SLOT } from '../core/beats.ts';
import type { ServerStateRecord } from '../health/server-state.ts';
import { closeFd, createSharedMemory, mapSharedMemory } from '../linux/files.ts';
import { TEST_CHECK, testBackend, testConfig, testServer } from './fixture.ts';
import { fakeDataPlanes } from './fixture-plane.ts';
import { runBalancer } from './run-balancer.ts';

const ORPHAN_MS = 5000;

const QUICK = { ...TEST_CHECK, intervalMs: 30, fastIntervalMs: 30, downIntervalMs: 30 };

/** Two servers that nobody checks: their state is what the test makes it. */
const UNCHECKED = testConfig({
  backends: [
    testBackend({
      servers: [testServer('m1', { check: null }), testServer('m2', { check: null })],
    }),
  ],
});

async function waitFor(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A test's own process keeps its rights. */
const UNCONFINED = { confine: () => Promise.resolve(null), startNothingMore: () => null };

function host(t: TestContext, startDataPlane = fakeDataPlanes()) {
  const messages: BalancerToGuardian[] = [];
  const exits: number[] = [];
  const titles: string[] = [];
  let receive: (message: GuardianToBalancer) => void = () => {};
  let disconnect: () => void = () => {};
  let terminate: () => void = () => {};
  const { fail } = runBalancer({
    startDataPlane: startDataPlane.start,
    send: (message, sent) => {
      messages.push(message);
      sent?.();
    },
    onMessage: (listener) => {
      receive = listener;
    },
    onDisconnect: (listener) => {
      disconnect = listener;
    },
    onTerminate: (listener) => {
      terminate = listener;
    },
    exit: (code) => exits.push(code),
    ...UNCONFINED,
    setTitle: (title) => titles.push(title),
  });
  const beatFd = createSharedMemory('eg-test-beats', BEAT_PAGE_BYTES);
  const beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
  t.after(async () => {
    receive({ kind: 'stop', graceMs: 0 });
    await waitFor('the balancer ends', () => exits.length > 0);
    closeFd(beatFd);
  });
  const begin = (config: BalancerConfig, servers: readonly ServerStateRecord[] = []): void => {
    receive({
      kind: 'start',
      config,
      listeners: [],
      grant: {},
      beatFd,
      channelFd: -1,
      identity: null,
      standby: false,
      servers,
      orphanMs: ORPHAN_MS,
    });
  };
  const start = async (...args: Parameters<typeof begin>): Promise<void> => {
    begin(...args);
    await waitFor('serving', () => messages.some(({ kind }) => kind === 'serving'));
  };
  const newest = <Kind extends BalancerToGuardian['kind']>(kind: Kind) =>
    messages.findLast((one) => one.kind === kind) as
      | Extract<BalancerToGuardian, { kind: Kind }>
      | undefined;
  return {
    messages,
    exits,
    titles,
    beats,
    started: startDataPlane.started,
    begin,
    start,
    newest,
    fail,
    send: (message: GuardianToBalancer) => receive(message),
    disconnect: () => disconnect(),
    terminate: () => terminate(),
  };
}

async function openPort(t: TestContext) {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, server };
}

test('it serves, beats, and reports', async (t) => {
  const { start, send, newest, beats, started } = host(t);
  await start(UNCHECKED);
  assert.deepEqual(started[0]?.snapshots[0]?.backends[0]?.servers, [
    { usable: true, weight: 1 },
    { usable: true, weight: 1 },
  ]);
  assert.ok((beats[TID_SLOT + MAIN_BEAT_SLOT] ?? 0) > 0);
  const before = beats[MAIN_BEAT_SLOT] ?? 0;
  await waitFor('a beat', () => (beats[MAIN_BEAT_SLOT] ?? 0) > before);
  started[0]?.counters.setServer(0, 1, 'sessionsCurrent', 7);
  send({ kind: 'report', id: 5 });
  const report = newest('report');
  assert.equal(report?.id, 5);
  assert.equal(report?.report.backends[0]?.servers[1]?.sessionsCurrent, 7);
  assert.equal(report?.report.backends[0]?.usableServers, 2);
});

test('a failed check reaches relays, guardian and log', async (t) => {
  const { port } = await openPort(t);
  const { port: closed, server } = await openPort(t);
  server.close();
  const { start, newest, messages, started } = host(t);
  const servers = [
    testServer('m1', { port, check: QUICK }),
    testServer('m2', { port: closed, check: QUICK }),
  ];
  await start(testConfig({ backends: [testBackend({ servers })] }));
  const usable = () => started[0]?.snapshots.at(-1)?.backends[0]?.servers.map((one) => one.usable);
  await waitFor('m2 is out', () => usable()?.[1] === false);
  await waitFor('m1 is checked', () => newest('servers')?.servers[0]?.health === 3);
  assert.deepEqual(usable(), [true, false]);
  assert.equal(newest('servers')?.servers[1]?.check, 'down');
  const line = messages.find((one) => one.kind === 'log');
  assert.match(line?.text ?? '', /^Server kube-master\/m2 is DOWN, reason: Layer4 connection/);
  assert.equal(line?.level, 'warning');
});

test('a connect that failed brings the next check forward, and decides nothing itself', async (t) => {
  const { port, server } = await openPort(t);
  const { start, started, newest } = host(t);
  const slow = { ...TEST_CHECK, intervalMs: 60_000, fastIntervalMs: 60_000, rise: 1, fall: 1 };
  const servers = [testServer('m1', { port, check: slow })];
  await start(testConfig({ backends: [testBackend({ servers })] }), [
    { backend: 'kube-master', server: 'm1', admin: 'ready', check: 'up', health: 1, weight: null },
  ]);
  const plane = started[0];
  assert.ok(plane);
  let checks = 0;
  server.on('connection', () => checks++);
  await waitFor('the first check', () => checks === 1);
  const hint = () =>
    plane.emit({ kind: 'connect-failed', backend: 'kube-master', server: 'm1', reason: 'refused' });
  // A check starts only when the last one is 100 ms old; on a busy machine a third one may have begun.
  await waitFor('a check on a hint', () => {
    hint();
    return checks >= 2;
  });
  assert.equal(plane.snapshots.at(-1)?.backends[0]?.servers[0]?.usable, true);
  server.close();
  await waitFor('the check that the hint started takes it out', () => {
    hint();
    return plane.snapshots.at(-1)?.backends[0]?.servers[0]?.usable === false;
  });
  assert.equal(newest('servers')?.servers[0]?.check, 'down');
});

test('set-server obeys or says what is wrong', async (t) => {
  const { start, send, newest, started } = host(t);
  await start(UNCHECKED);
  const command = { kind: 'set-server', backend: 'kube-master', admin: 'drain' } as const;
  send({ ...command, id: 1, server: 'm1' });
  assert.deepEqual(newest('set-server'), { kind: 'set-server', id: 1, error: null });
  assert.equal(started[0]?.snapshots.at(-1)?.backends[0]?.servers[0]?.usable, false);
  assert.equal(newest('servers')?.servers[0]?.admin, 'drain');
  send({ ...command, id: 2, server: 'nope' });
  assert.equal(newest('set-server')?.error, 'There is no server "kube-master/nope"');
});

test('a successor starts where its predecessor was', async (t) => {
  const { start, started } = host(t);
  await start(UNCHECKED, [
    { backend: 'kube-master', server: 'm2', admin: 'maint', check: 'up', health: 3, weight: 9 },
  ]);
  assert.deepEqual(started[0]?.snapshots[0]?.backends[0]?.servers, [
    { usable: true, weight: 1 },
    { usable: false, weight: 9 },
  ]);
});

test('stop pauses, waits for connections, and ends with 0', async (t) => {
  const { start, send, started, exits } = host(t);
  await start(UNCHECKED);
  const plane = started[0];
  assert.ok(plane);
  plane.counters.setFrontend(0, 'connectionsCurrent', 1);
  send({ kind: 'stop', graceMs: 60_000 });
  assert.deepEqual(plane.calls, ['accept', 'pause']);
  plane.counters.setFrontend(0, 'connectionsCurrent', 0);
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(plane.calls, ['accept', 'pause', 'stop']);
  assert.deepEqual(exits, [0]);
});

test('stop waits no longer than the grace', async (t) => {
  const { start, send, started, exits } = host(t);
  await start(UNCHECKED);
  started[0]?.counters.setFrontend(0, 'connectionsCurrent', 1);
  send({ kind: 'stop', graceMs: 30 });
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(exits, [0]);
});

test('a data plane that fails, or cannot start, ends the process with its reason', async (t) => {
  const first = host(t);
  await first.start(UNCHECKED);
  first.started[0]?.emit({ kind: 'failed', message: 'Relay 0 ended' });
  assert.deepEqual(first.newest('failed'), { kind: 'failed', text: 'Relay 0 ended' });
  assert.deepEqual(first.exits, [1]);
  const second = host(t, { started: [], start: () => Promise.reject(new Error('No relay')) });
  second.begin(UNCHECKED);
  await waitFor('the end', () => second.exits.length > 0);
  assert.deepEqual(second.newest('failed'), { kind: 'failed', text: 'No relay' });
  assert.deepEqual(second.exits, [1]);
});

test('a spare accepts nothing until it takes over, where the other left the servers', async (t) => {
  const { send, started, messages, newest, titles } = host(t);
  const beatFd = createSharedMemory('eg-test-spare-beats', BEAT_PAGE_BYTES);
  t.after(() => closeFd(beatFd));
  const start = {
    kind: 'start',
    config: UNCHECKED,
    listeners: [],
    grant: {},
    beatFd,
    channelFd: -1,
    identity: null,
  } as const;
  send({ ...start, standby: true, servers: [], orphanMs: ORPHAN_MS });
  await waitFor('prepared', () => newest('prepared') !== undefined);
  assert.deepEqual(started[0]?.calls, []);
  assert.equal(newest('serving'), undefined);

  const left = { check: 'unchecked', health: 0, weight: null } as const;
  send({
    kind: 'activate',
    servers: [{ backend: 'kube-master', server: 'm2', admin: 'drain', ...left }],
  });
  await waitFor('serving', () => newest('serving') !== undefined);
  assert.deepEqual(started[0]?.calls, ['accept']);
  assert.deepEqual(
    started[0]?.snapshots.at(-1)?.backends[0]?.servers.map(({ usable }) => usable),
    [true, false],
  );
  assert.deepEqual(titles, ['evergate: balancer']);
  assert.deepEqual(
    messages.filter(({ kind }) => kind === 'prepared' || kind === 'serving').length,
    2,
  );
});

test('a spare called before it is ready takes over as soon as it is', async (t) => {
  const { send, started, newest } = host(t);
  const beatFd = createSharedMemory('eg-test-spare-beats', BEAT_PAGE_BYTES);
  t.after(() => closeFd(beatFd));
  const start = {
    kind: 'start',
    config: UNCHECKED,
    listeners: [],
    grant: {},
    beatFd,
    channelFd: -1,
    identity: null,
  } as const;
  send({ ...start, standby: true, servers: [], orphanMs: ORPHAN_MS });
  send({ kind: 'activate', servers: [] });
  await waitFor('serving', () => newest('serving') !== undefined);
  assert.deepEqual(started[0]?.calls, ['accept']);
});

test('a spare without its guardian ends at once, and frees the sockets', async (t) => {
  const { send, newest, disconnect, exits } = host(t);
  const beatFd = createSharedMemory('eg-test-spare-beats', BEAT_PAGE_BYTES);
  t.after(() => closeFd(beatFd));
  const start = {
    kind: 'start',
    config: UNCHECKED,
    listeners: [],
    grant: {},
    beatFd,
    channelFd: -1,
    identity: null,
  } as const;
  send({ ...start, standby: true, servers: [], orphanMs: ORPHAN_MS });
  await waitFor('prepared', () => newest('prepared') !== undefined);
  disconnect();
  assert.deepEqual(exits, [0]);
});

test('one in whose place another serves ends when the time for its connections is over', async (t) => {
  const { start, send, started, newest, exits } = host(t);
  await start({ ...UNCHECKED, process: { ...UNCHECKED.process, hardStopAfterMs: 200 } });
  const before = performance.now();
  send({ kind: 'retire' });
  started[0]?.counters.setFrontend(0, 'connectionsCurrent', 2);
  await waitFor('the end', () => exits.length > 0);
  assert.ok(performance.now() - before >= 200);
  assert.deepEqual(exits, [0]);
  assert.equal(newest('log')?.text, '2 connections are ended with the balancer');
});

test('one in whose place another serves ends with its last connection', async (t) => {
  const { start, send, started, messages, exits } = host(t);
  await start({ ...UNCHECKED, process: { ...UNCHECKED.process, hardStopAfterMs: 3_600_000 } });
  send({ kind: 'retire' });
  started[0]?.counters.setFrontend(0, 'connectionsCurrent', 1);
  await new Promise(setImmediate);
  assert.deepEqual(exits, []);
  started[0]?.counters.setFrontend(0, 'connectionsCurrent', 0);
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(exits, [0]);
  assert.equal(
    messages.some((one) => one.kind === 'log' && /are ended/.test(one.text)),
    false,
  );
});

test('a balancer without its guardian serves on for a while, then ends', async (t) => {
  const { start, disconnect, exits, fail } = host(t);
  await start(UNCHECKED);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  disconnect();
  t.mock.timers.tick(ORPHAN_MS - 1);
  assert.deepEqual(exits, []);
  t.mock.timers.tick(1);
  t.mock.timers.reset();
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(exits, [0]);
  fail('too late');
  assert.deepEqual(exits, [0]);
});

test('a reload keeps states by name, starts what is new, and tells how it went', async (t) => {
  const { start, send, newest, started } = host(t);
  await start(UNCHECKED);
  send({ kind: 'set-server', id: 1, backend: 'kube-master', server: 'm2', admin: 'drain' });
  const servers = ['m3', 'm2'].map((name) => testServer(name, { check: null }));
  const config = testConfig({ backends: [testBackend({ servers })], httpFrontends: [] });
  send({ kind: 'reload', id: 2, config, listeners: [], fresh: [] });
  await waitFor('an answer', () => newest('reload') !== undefined);
  assert.deepEqual(newest('reload'), { kind: 'reload', id: 2, error: null, ended: 0 });
  assert.deepEqual(
    started[0]?.snapshots.at(-1)?.backends[0]?.servers.map(({ usable }) => usable),
    [true, false],
  );
  assert.deepEqual(
    newest('servers')?.servers.map(({ server, admin }) => `${server} ${admin}`),
    ['m3 ready', 'm2 drain'],
  );
  send({ kind: 'set-server', id: 3, backend: 'kube-master', server: 'm1', admin: 'drain' });
  assert.match(newest('set-server')?.error ?? '', /no server "kube-master\/m1"/);
});

test('a reload whose listeners do not come is refused, and nothing has changed', async (t) => {
  const { start, send, newest, started, exits } = host(t);
  await start(UNCHECKED);
  const purpose = { kind: 'http', frontend: 'stats' } as const;
  const listeners = [{ id: 9, purpose }];
  // The channel of this test is no descriptor at all.
  send({ kind: 'reload', id: 2, config: testConfig(), listeners, fresh: [9] });
  await waitFor('an answer', () => newest('reload') !== undefined);
  assert.match(newest('reload')?.error ?? '', /recvmsg failed/);
  assert.deepEqual(started[0]?.calls, ['accept']);
  assert.deepEqual(exits, []);
});

test('a spare that was reloaded takes over with the new configuration', async (t) => {
  const { send, started, newest } = host(t);
  const beatFd = createSharedMemory('eg-test-spare-beats', BEAT_PAGE_BYTES);
  t.after(() => closeFd(beatFd));
  const start = {
    kind: 'start',
    listeners: [],
    grant: {},
    beatFd,
    channelFd: -1,
    identity: null,
    orphanMs: ORPHAN_MS,
  } as const;
  send({ ...start, config: UNCHECKED, standby: true, servers: [] });
  const config = testConfig({
    backends: [testBackend({ servers: [testServer('m9', { check: null })] })],
  });
  // In one go: it is not even prepared yet.
  send({ kind: 'reload', id: 0, config, listeners: [], fresh: [] });
  send({ kind: 'activate', servers: [] });
  await waitFor('serving', () => newest('serving') !== undefined);
  assert.deepEqual(started[0]?.calls, ['reconfigure', 'accept']);
  assert.equal(newest('servers')?.servers[0]?.server, 'm9');
});

test('it warns in time of a limit of connections', async (t) => {
  const { start, started, messages } = host(t);
  const [frontend] = UNCHECKED.frontends;
  assert.ok(frontend !== undefined);
  await start({ ...UNCHECKED, frontends: [{ ...frontend, connectionsMax: 10 }] });
  const [plane] = started;
  plane?.counters.setFrontend(0, 'connectionsCurrent', 8);
  const warning =
    'Frontend "kube-api" has 8 of 10 connections (80%); at the limit new clients wait: raise it';
  await waitFor('the warning', () =>
    messages.some((one) => one.kind === 'log' && one.level === 'warning' && one.text === warning),
  );
});

test('a connection that is accepted while it stops accepting is waited for', async (t) => {
  const { start, disconnect, terminate, started, exits } = host(t);
  await start(UNCHECKED);
  const plane = started[0];
  assert.ok(plane);
  const { promise, resolve } = Promise.withResolvers<void>();
  plane.paused = promise;
  disconnect();
  terminate();
  await new Promise((done) => setTimeout(done, 60));
  plane.counters.setFrontend(0, 'connectionsCurrent', 1);
  resolve();
  await new Promise((done) => setTimeout(done, 60));
  assert.deepEqual(plane.calls, ['accept', 'pause']);
  plane.counters.setFrontend(0, 'connectionsCurrent', 0);
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(plane.calls, ['accept', 'pause', 'stop']);
});

test('one that another has taken over from ends with its last connection, whenever that is', async (t) => {
  const { start, disconnect, terminate, started, exits } = host(t);
  await start(UNCHECKED);
  const plane = started[0];
  assert.ok(plane);
  terminate();
  assert.deepEqual(plane.calls, ['accept'], 'a guardian that lives decides by itself');
  plane.counters.setFrontend(0, 'connectionsCurrent', 1);
  disconnect();
  terminate();
  assert.deepEqual(plane.calls, ['accept', 'pause']);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(exits, []);
  plane.counters.setFrontend(0, 'connectionsCurrent', 0);
  await waitFor('the end', () => exits.length > 0);
  assert.deepEqual(exits, [0]);
});
