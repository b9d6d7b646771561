/**
 * Descriptors that run out, by the process's own limit and by one that falls while it runs: who is served
 * is served on, who comes later waits in the kernel's queue, checks and the stats page go on, nothing spins.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { TEST_CHECK } from '../../src/balancer/fixture.ts';
import { dial, readBytes, startEcho } from '../../src/planes/relay/fixture/peers.ts';
import { findCommand } from '../kit/peers.ts';
import { descriptorsOf, processorTimeOf } from '../kit/process-figures.ts';
import { startRelayProcess } from '../kit/relay-process.ts';
import { waitUntil } from '../kit/wait-until.ts';

const NO_PRLIMIT = 'The program "prlimit" (Debian: util-linux) is missing';
const QUIET_MS = 1500;
const CHECK = { ...TEST_CHECK, intervalMs: 100, fastIntervalMs: 100, downIntervalMs: 100 };
/** Share of one processor that accepting, checks and beats may take while nothing can be accepted. */
const QUIET_SHARE_MAX = 0.15;

async function ask(client: Socket): Promise<void> {
  client.write('x');
  await readBytes(client, 1);
}

/** Share of a processor it takes while `clients` are served and others wait. */
async function shareWhileFull(pid: number, clients: readonly Socket[]): Promise<number> {
  const before = processorTimeOf(pid);
  const startedAt = performance.now();
  while (performance.now() - startedAt < QUIET_MS) {
    for (const client of clients.slice(0, 4)) await ask(client);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return (processorTimeOf(pid) - before) / (performance.now() - startedAt);
}

test('at its limit of descriptors it serves on, checks on, and takes the rest when there is room', {
  timeout: 300_000,
}, async (t) => {
  if (findCommand('prlimit') === null) return t.skip(NO_PRLIMIT);
  const echo = await startEcho(t);
  const relay = await startRelayProcess(t, [echo.port], {
    filesMax: 256,
    server: { check: CHECK },
  });
  const clients = await Promise.all(Array.from({ length: 200 }, () => dial(t, relay.port)));
  for (const client of clients) client.write('x');
  const served = (): readonly Socket[] => clients.filter((one) => one.readableLength > 0);
  const count = await waitUntil(
    'as many are served as can be',
    async () => {
      const now = Number((await relay.row()).scur);
      return now === served().length && now > 50 ? now : null;
    },
    100,
  );
  assert.ok(count < clients.length, `${count} of ${clients.length} are served`);
  assert.ok(descriptorsOf(relay.pid) < 256 - 8, 'some descriptors are left for everything else');
  const first = served();
  for (const client of first) client.read();
  const share = await shareWhileFull(relay.pid, first);
  t.diagnostic(
    `${count} of ${clients.length} served; ${(share * 100).toFixed(1)} % of a processor`,
  );
  assert.ok(share < QUIET_SHARE_MAX, `${share} of a processor`);
  const { status, act, chkdown } = await relay.row();
  assert.deepEqual([status, act, chkdown], ['UP', '1', '0']);
  for (const client of first) client.destroy();
  await waitUntil('the next are served', () => served().length > 50);
});

test('the client that took the last descriptor was turned away, and all after it', {
  timeout: 300_000,
}, async (t) => {
  if (findCommand('prlimit') === null) return t.skip(NO_PRLIMIT);
  const echo = await startEcho(t);
  const relay = await startRelayProcess(t, [echo.port], { server: { check: CHECK } });
  const first = await Promise.all(Array.from({ length: 8 }, () => dial(t, relay.port)));
  for (const client of first) await ask(client);
  const limit = (files: number): void => {
    execFileSync('prlimit', ['--pid', String(relay.pid), `--nofile=${files}:${4096}`]);
  };
  limit(descriptorsOf(relay.pid));
  // One number more is free for a client, and none for its server.
  const late = await Promise.all(Array.from({ length: 8 }, () => dial(t, relay.port)));
  for (const client of late) client.write('x');
  const share = await shareWhileFull(relay.pid, first);
  t.diagnostic(`${(share * 100).toFixed(1)} % of a processor`);
  assert.ok(share < QUIET_SHARE_MAX, `${share} of a processor`);
  assert.ok(late.filter((client) => client.readableLength > 0).length < late.length);
  assert.ok(late.every((client) => !client.destroyed && !client.readableEnded));
  limit(4096);
  const { status, chkdown } = await relay.row();
  assert.deepEqual([status, chkdown], ['UP', '0'], 'checks that could not run decide nothing');
  await waitUntil('all are served', () => late.every((client) => client.readableLength > 0));
});
