/**
 * The real balancer on a data plane that is not relays: its checks, its status, its statistics and its
 * surfaces need the contract and nothing else.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { MemoryPlane } from '../../test/kit/memory-plane.ts';
import { waitUntil } from '../../test/kit/wait-until.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../contracts/protocol.ts';
import { BEAT_PAGE_BYTES } from '../core/beats.ts';
import { openDescriptorChannel, sendDescriptors } from '../linux/descriptor-channel.ts';
import { closeFd, createSharedMemory } from '../linux/files.ts';
import { openListener } from '../linux/sockets.ts';
import type { BalancerReport } from '../stats/status.ts';
import { TEST_CHECK, testBackend, testConfig, testServer } from './fixture.ts';
import { runBalancer } from './run-balancer.ts';

/** Checked at the start, and then only when somebody has a reason. */
const RARE = { ...TEST_CHECK, intervalMs: 600_000, fastIntervalMs: 600_000, rise: 1, fall: 1 };

async function openServer(t: TestContext) {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Runs a balancer on a plane in memory: what it says to the guardian, and how to say something to it. */
function run() {
  const messages: BalancerToGuardian[] = [];
  const exits: number[] = [];
  const planes: MemoryPlane[] = [];
  let receive = (_message: GuardianToBalancer): void => {};
  runBalancer({
    startDataPlane: async (options, onEvent) => {
      const plane = new MemoryPlane(options, onEvent);
      planes.push(plane);
      return plane;
    },
    send: (message, sent) => {
      messages.push(message);
      sent?.();
    },
    onMessage: (listener) => {
      receive = listener;
    },
    onDisconnect: () => {},
    onTerminate: () => {},
    exit: (code) => exits.push(code),
    confine: () => Promise.resolve(null),
    startNothingMore: () => null,
    setTitle: () => {},
  });
  const send = (message: GuardianToBalancer): void => receive(message);
  return { messages, exits, planes, send };
}

/** One that serves, with a server of its backend at each port, and an administrator's socket. */
async function serve(t: TestContext, ports: readonly number[]) {
  const { messages, exits, planes, send } = run();
  const folder = mkdtempSync(join(tmpdir(), 'eg-plane-'));
  const path = join(folder, 'admin.sock');
  const fd = openListener({ kind: 'unix', path }, { v6only: false, reusePort: false });
  const channel = openDescriptorChannel();
  sendDescriptors(channel.near, [fd]);
  const beatFd = createSharedMemory('eg-test-beats', BEAT_PAGE_BYTES);
  t.after(async () => {
    send({ kind: 'stop', graceMs: 0 });
    await waitUntil('the balancer ends', () => exits.length > 0);
    for (const one of [fd, beatFd, channel.near, channel.far]) closeFd(one);
    rmSync(folder, { recursive: true, force: true });
  });
  const servers = ports.map((port, index) =>
    testServer(`m${index + 1}`, { port, check: RARE, shutdownSessionsOnDown: true }),
  );
  send({
    kind: 'start',
    config: testConfig({ backends: [testBackend({ servers })] }),
    listeners: [{ id: 1, purpose: { kind: 'stats-socket', path, level: 'admin' } }],
    grant: {},
    beatFd,
    channelFd: channel.far,
    identity: null,
    standby: false,
    servers: [],
    orphanMs: 5000,
  });
  await waitUntil('it serves', () => messages.some(({ kind }) => kind === 'serving'));
  const [plane] = planes;
  assert.ok(plane !== undefined);
  return {
    plane,
    exits,
    send,
    ...listenTo(messages, send),
    ask: (line: string) => ask(path, line),
  };
}

function listenTo(
  messages: readonly BalancerToGuardian[],
  send: (message: GuardianToBalancer) => void,
) {
  const newest = <Kind extends BalancerToGuardian['kind']>(kind: Kind) =>
    messages.findLast((one) => one.kind === kind) as
      | Extract<BalancerToGuardian, { kind: Kind }>
      | undefined;
  return {
    newest,
    logs: () => messages.flatMap((one) => (one.kind === 'log' ? [one.text] : [])),
    report(): BalancerReport {
      send({ kind: 'report', id: 1 });
      const report = newest('report')?.report;
      assert.ok(report !== undefined);
      return report;
    },
  };
}

async function ask(path: string, command: string): Promise<string> {
  const socket = connect(path);
  socket.end(`${command}\n`);
  return await text(socket);
}

/** Cells of a server's line of `show stat`. */
function cellsOf(table: string, server: string): Readonly<Record<string, string>> {
  const [head = '', ...lines] = table.split('\n').map((line) => line.split(','));
  const line = lines.find((cells) => cells[1] === server) ?? [];
  return Object.fromEntries([...head].map((column, index) => [column, line[index] ?? '']));
}

test('what it counts is in status and tables', async (t) => {
  const { port } = await openServer(t);
  const { plane, report, ask } = await serve(t, [port, port]);
  const sessions = [plane.connect(), plane.connect(), plane.connect()];
  assert.deepEqual(
    sessions.map((session) => session?.server),
    ['m1', 'm2', 'm1'],
  );
  sessions[0]?.transfer(3, 40);
  sessions[1]?.end();
  const { relays, trouble, frontends, backends } = report();
  assert.equal(relays, 0);
  assert.equal(trouble, undefined);
  assert.equal(frontends[0]?.connectionsCurrent, 2);
  const [m1, m2] = backends[0]?.servers ?? [];
  assert.deepEqual([m1?.sessionsCurrent, m1?.bytesIn, m1?.bytesOut], [2, 3, 40]);
  assert.deepEqual([m2?.sessionsCurrent, m2?.sessionsTotal], [0, 1]);
  const cells = cellsOf(await ask('show stat'), 'm1');
  assert.deepEqual([cells.scur, cells.stot, cells.bin, cells.bout], ['2', '2', '3', '40']);
  assert.match(await ask('show info'), /^Nbthread: 0$/m);
});

test('a connect that it reports has the server checked, and the verdict comes back', async (t) => {
  const { port } = await openServer(t);
  const gone = await openServer(t);
  const { plane, report } = await serve(t, [port, gone.port]);
  await waitUntil('both are checked', () => {
    const [backend] = report().backends;
    return backend?.servers.every(({ lastCheck }) => lastCheck === 'L4OK');
  });
  assert.deepEqual(plane.usable(), [0, 1]);
  gone.close();
  plane.refusing.add('m2');
  await waitUntil('m2 is out', () => {
    plane.connect();
    return plane.usable().join() === '0';
  });
  assert.equal(plane.connect()?.server, 'm1');
  const [, m2] = report().backends[0]?.servers ?? [];
  assert.equal(m2?.check, 'down');
  assert.ok((m2?.connectErrors ?? 0) > 0);
});

test('an operator drains a server, and is told what this data plane cannot do', async (t) => {
  const { port } = await openServer(t);
  const { plane, ask, logs } = await serve(t, [port, port]);
  await ask('set server kube-master/m1 state drain');
  assert.deepEqual(plane.usable(), [1]);
  assert.match(await ask('shutdown sessions server kube-master/m1'), /ends no sessions/);
  assert.deepEqual(
    logs().filter((line) => line.includes('this data plane')),
    ['Sessions of backend "kube-master" stay with servers that go down: this data plane ends none'],
  );
});

test('its trouble is reported, and the limit it names is watched', async (t) => {
  const { port } = await openServer(t);
  const { plane, report, logs } = await serve(t, [port]);
  plane.trouble = 'a program was unloaded';
  assert.equal(report().trouble, 'a program was unloaded');
  for (let count = 0; count < 7; count++) plane.connect();
  await waitUntil('the limit is near', () =>
    logs().some((line) => line.startsWith('The balancer has 7 of 8 connections')),
  );
});

test('another configuration is taken over, and an end waits for sessions', async (t) => {
  const { port } = await openServer(t);
  const { plane, newest, send, exits, report } = await serve(t, [port]);
  plane.connect();
  const servers = [testServer('n1', { port, check: null }), testServer('n2', { check: null })];
  send({
    kind: 'reload',
    id: 7,
    config: testConfig({ backends: [testBackend({ servers })] }),
    listeners: [],
    fresh: [],
  });
  await waitUntil('it is taken over', () => newest('reload') !== undefined);
  assert.deepEqual(newest('reload'), { kind: 'reload', id: 7, error: null, ended: 1 });
  const session = plane.connect();
  assert.equal(report().backends[0]?.servers[0]?.sessionsCurrent, 1);
  send({ kind: 'stop', graceMs: 60_000 });
  assert.equal(plane.connect(), null);
  assert.deepEqual(exits, []);
  session?.end();
  await waitUntil('the end', () => exits.length > 0);
  assert.deepEqual(exits, [0]);
});
