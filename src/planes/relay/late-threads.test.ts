/** A spare's relays: one waits, and the others start when it takes over; no client waits for them. */

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import workers, { type WorkerOptions } from 'node:worker_threads';
import { replaceDescriptor } from '../../linux/files.ts';
import { dial, readBytes, startEcho, until } from './fixture/peers.ts';
import { startPlane } from './fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };
const RELAYS = 4;
/** The kernel chooses a queue for each: that one of four stays empty has a chance of one in 10^11. */
const CLIENTS = 100;

async function answered(client: Socket): Promise<void> {
  client.write('x');
  await readBytes(client, 1);
}

test(
  'it answers those that waited in the queues of all, and shares with those that come',
  TIMEOUT,
  async (t) => {
    const echo = await startEcho(t);
    const options = { servers: [echo.port], relays: RELAYS, standby: true };
    const { plane, port, count, config, reconfigure } = await startPlane(t, options);
    assert.ok(plane.lateThreads !== null);
    assert.equal(plane.health().threads, 1);
    const waiting = await Promise.all(Array.from({ length: CLIENTS }, () => dial(t, port)));
    assert.equal(count('frontend', 'connectionsTotal'), 0, 'it waits');

    plane.accept();
    // A reload may come at any time.
    const reloaded = reconfigure(config);
    await Promise.all(waiting.map(answered));
    await plane.lateThreads;
    assert.equal(await reloaded, 0);
    assert.equal(plane.health().threads, RELAYS);

    const more = await Promise.all(Array.from({ length: CLIENTS }, () => dial(t, port)));
    await Promise.all(more.map(answered));
    await Promise.all(waiting.map(answered));
    const each = plane.parts.frontend(0, 'connectionsTotal');
    assert.deepEqual(
      each.map((total) => total > 0),
      each.map(() => true),
      `each has its own: ${each}`,
    );
    assert.equal(count('frontend', 'connectionsTotal'), 2 * CLIENTS);
    assert.ok((each[0] ?? 0) < 2 * CLIENTS - RELAYS, 'the first keeps to its own');
  },
);

test(
  'one that cannot start leaves its clients to the first, and is told of',
  TIMEOUT,
  async (t) => {
    const echo = await startEcho(t);
    const options = { servers: [echo.port], relays: 2, standby: true };
    const { plane, port, beatFd, events, config, reconfigure } = await startPlane(t, options);
    const waiting = await Promise.all(Array.from({ length: CLIENTS }, () => dial(t, port)));
    // What it is to beat on cannot be mapped.
    const nothing = openSync('/dev/null', 'r');
    replaceDescriptor(beatFd, nothing);
    closeSync(nothing);
    plane.accept();
    await Promise.all(waiting.map(answered));
    await plane.lateThreads;
    await until('it is told', () => events.length > 0);
    const [event] = events;
    assert.ok(event?.kind === 'short-handed');
    assert.match(event.message, /^Relay 1 failed: .*mmap.*; the others do its work$/);
    assert.deepEqual(plane.health(), { threads: 1, trouble: event.message.split(';')[0] });
    assert.equal(await reconfigure(config), 0);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => dial(t, port)));
    await Promise.all(clients.map(answered));
    assert.equal(events.length, 1);
  },
);

/** A thread that never comes to run a line of ours. */
const HANGS = `data:text/javascript,${encodeURIComponent('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')}`;

test(
  'one that hangs as it starts had the next reload wait for its whole time',
  TIMEOUT,
  async (t) => {
    const echo = await startEcho(t);
    const options = { servers: [echo.port], relays: 2, standby: true };
    const { plane, port, events, config, reconfigure } = await startPlane(t, options);
    const { Worker } = workers;
    t.after(() => {
      workers.Worker = Worker;
      syncBuiltinESMExports();
    });
    workers.Worker = class extends Worker {
      constructor(_entry: URL, rest: WorkerOptions) {
        super(new URL(HANGS), rest);
      }
    };
    syncBuiltinESMExports();
    const waiting = await Promise.all(Array.from({ length: CLIENTS }, () => dial(t, port)));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    plane.accept();
    const reloaded = reconfigure(config);
    t.mock.timers.tick(9_999);
    assert.equal(plane.health().threads, 2);
    t.mock.timers.tick(1);
    t.mock.timers.reset();
    assert.equal(await reloaded, 0);
    await plane.lateThreads;
    await Promise.all(waiting.map(answered));
    const message = 'Relay 1 did not start within 10000 ms';
    assert.deepEqual(events, [
      { kind: 'short-handed', message: `${message}; the others do its work` },
    ]);
    assert.deepEqual(plane.health(), { threads: 1, trouble: message });
  },
);

test('it may end while they start', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const options = { servers: [echo.port], relays: RELAYS, standby: true };
  const { plane, events } = await startPlane(t, options);
  plane.accept();
  await plane.stop();
  await plane.lateThreads;
  await until('its threads are gone', () => plane.health().threads === 0);
  assert.deepEqual(events, []);
});
