/** The relay with real sockets on loopback: what clients and servers see of it. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../test/kit/free-port.ts';
import { judged } from '../../../test/kit/time-verdict.ts';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import { BEAT_PAGE_BYTES, LOOP_BEAT_SLOT, TID_SLOT } from '../../core/beats.ts';
import { mapSharedMemory } from '../../linux/files.ts';
import { dial, outcome, readBytes, startEcho, startServer, until } from './fixture/peers.ts';
import { startPlane } from './fixture/plane.ts';

const TIMEOUT = { timeout: 300_000 };

test('bytes go both ways and are counted', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, { servers: [echo.port] });
  const client = await dial(t, port);
  client.write('hello');
  assert.equal((await readBytes(client, 5)).toString(), 'hello');
  assert.equal(count('frontend', 'connectionsCurrent'), 1);
  assert.equal(count(0, 'sessionsCurrent'), 1);
  client.end();
  await once(client.resume(), 'end');
  await until('the session is over', () => count('frontend', 'connectionsCurrent') === 0);
  assert.equal(count('frontend', 'connectionsTotal'), 1);
  assert.equal(count('backend', 'sessionsCurrent'), 0);
  assert.equal(count(0, 'sessionsCurrent'), 0);
  assert.equal(count('frontend', 'bytesIn'), 5);
  assert.equal(count(0, 'bytesOut'), 5);
  assert.ok(count(0, 'lastSessionMs') > 0);
});

test('a client that half-closes still gets its answer', TIMEOUT, async (t) => {
  const server = await startServer(t, (socket) => {
    let asked = '';
    socket.on('data', (chunk) => {
      asked += chunk;
    });
    socket.on('end', () => socket.end(`you said ${asked}`));
  });
  const { port } = await startPlane(t, { servers: [server.port] });
  const client = await dial(t, port);
  client.end('all of it');
  assert.equal((await readBytes(client, 18)).toString(), 'you said all of it');
  assert.equal(await outcome(client.resume()), 'end');
});

test('a server that half-closes still gets what the client sends', TIMEOUT, async (t) => {
  let heard = '';
  const server = await startServer(t, (socket) => {
    socket.end('bye');
    socket.on('data', (chunk) => {
      heard += chunk;
    });
  });
  const { port, count } = await startPlane(t, { servers: [server.port] });
  const client = await dial(t, port);
  assert.equal((await readBytes(client, 3)).toString(), 'bye');
  client.write('late');
  await until('the server heard it', () => heard === 'late');
  client.end();
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
  assert.equal(count('backend', 'serverAborts'), 0);
});

test('big transfers in both directions at once arrive whole', TIMEOUT, async (t) => {
  const down = randomBytes(24 << 20);
  const up = randomBytes(16 << 20);
  const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  const received = createHash('sha256');
  let seen = 0;
  const server = await startServer(t, (socket) => {
    socket.write(down);
    socket.on('data', (chunk) => {
      received.update(chunk);
      seen += chunk.length;
    });
    socket.on('end', () => socket.end());
  });
  const { port, count } = await startPlane(t, { servers: [server.port] });
  const client = await dial(t, port);
  client.end(up);
  assert.equal(sha(await readBytes(client, down.length)), sha(down));
  await once(client.resume(), 'end');
  assert.equal(seen, up.length);
  assert.equal(received.digest('hex'), sha(up));
  await until('the session is over', () => count('relay', 'connectionsCurrent') === 0);
  assert.equal(count('backend', 'bytesIn'), up.length);
  assert.equal(count('backend', 'bytesOut'), down.length);
  assert.ok(count('relay', 'splicedBytes') > down.length / 2, 'streams go through pipes');
});

test('clients that read in fits and starts get every byte in order', TIMEOUT, async (t) => {
  const stream = randomBytes(16 << 20);
  const server = await startServer(t, (socket) => {
    socket.end(stream);
    socket.resume();
  });
  const { port, count } = await startPlane(t, { servers: [server.port] });
  const read = async (): Promise<void> => {
    const client = await dial(t, port);
    let at = 0;
    // Pausing lets the buffers on the way fill and drain by parts.
    for await (const chunk of client) {
      assert.ok(stream.subarray(at, at + chunk.length).equals(chunk), `wrong bytes at ${at}`);
      at += chunk.length;
      if (at % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(at, stream.length);
  };
  await Promise.all(Array.from({ length: 6 }, read));
  await until('the sessions are over', () => count('relay', 'connectionsCurrent') === 0);
});

test('a client that never reads holds back the server', TIMEOUT, async (t) => {
  let written = 0;
  let stuck = 0;
  const server = await startServer(t, (socket) => {
    const chunk = Buffer.alloc(65_536);
    const write = (): void => {
      for (let turn = 0; turn < 2048; turn++) {
        written += chunk.length;
        if (!socket.write(chunk)) break;
      }
    };
    socket.on('drain', write);
    socket.on('data', write);
    const watch = setInterval(() => {
      stuck = socket.writableNeedDrain ? stuck + 1 : 0;
    }, 20);
    socket.on('close', () => clearInterval(watch));
  });
  const { port, count } = await startPlane(t, { servers: [server.port] });
  const client = await dial(t, port);
  client.pause();
  client.write('go');
  await until('the server is stuck for 0.5 s', () => stuck >= 25);
  // Kernel buffers on four sockets, a pipe, and what the test's own server keeps.
  assert.ok(written < 64 << 20, `${written} bytes were taken from the server`);
  assert.ok(count('backend', 'bytesOut') < 32 << 20);
});

test('a refused server is passed over unnoticed and told once', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const dead = await freePort();
  const { port, count, events } = await startPlane(t, { servers: [dead, echo.port] });
  for (let turn = 0; turn < 4; turn++) {
    const client = await dial(t, port);
    client.write('x');
    await readBytes(client, 1);
    client.destroy();
  }
  assert.equal(count('backend', 'connectErrors'), 0);
  assert.ok(count(0, 'connectErrors') >= 2);
  assert.equal(count(0, 'redispatches'), count(0, 'connectErrors'));
  assert.equal(count(0, 'sessionsCurrent'), 0);
  await until('the failure is told', () => events.length > 0);
  assert.deepEqual(events[0], {
    kind: 'connect-failed',
    backend: 'back',
    server: 's1',
    reason: 'connection refused',
  });
});

test('without any server the client is reset at once', TIMEOUT, async (t) => {
  const dead = await freePort();
  const { port, count, publish } = await startPlane(t, { servers: [dead, dead] });
  assert.match(await attempt(port), /ECONNRESET/);
  await until('both have failed', () => {
    return count(0, 'connectErrors') + count(1, 'connectErrors') === 2;
  });
  await publish([false, false]);
  assert.match(await attempt(port), /ECONNRESET/);
  await until('both are counted', () => count('backend', 'connectErrors') === 2);
  await until('nobody is left', () => count('relay', 'connectionsCurrent') === 0);
});

/** How a client without a word is treated. */
async function attempt(port: number): Promise<string> {
  const client = connect({ port, host: '127.0.0.1' });
  return outcome(client.resume());
}

test('a reset server is a reset for the client, and the other way round', TIMEOUT, async (t) => {
  const server = await startServer(t, (socket) => {
    socket.on('data', (chunk) => {
      if (String(chunk) === 'die') socket.resetAndDestroy();
    });
  });
  const { port, count } = await startPlane(t, { servers: [server.port] });
  const first = await dial(t, port);
  const ended = outcome(first.resume());
  first.write('die');
  assert.equal(await ended, 'ECONNRESET');
  assert.equal(count('backend', 'serverAborts'), 1);

  const second = await dial(t, port);
  second.write('stay');
  await until('the server has it', () => server.sockets.size === 1);
  const [serverSide] = server.sockets;
  assert.ok(serverSide !== undefined);
  const serverEnded = outcome(serverSide);
  second.resetAndDestroy();
  assert.equal(await serverEnded, 'ECONNRESET');
  await until('it is counted', () => count('frontend', 'clientResets') === 1);
});

test('above its maximum a frontend leaves clients in the queue', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: { connectionsMax: 2 },
  });
  const clients: Socket[] = [];
  for (let index = 0; index < 3; index++) {
    const client = await dial(t, port);
    client.write('x');
    clients.push(client);
  }
  const [first, second, third] = clients;
  assert.ok(first && second && third);
  await Promise.all([readBytes(first, 1), readBytes(second, 1)]);
  assert.equal(count('frontend', 'connectionsCurrent'), 2);
  assert.equal(third.readableLength, 0);
  first.destroy();
  await readBytes(third, 1);
  assert.equal(count('frontend', 'connectionsMax'), 2);
});

test('a full server is not chosen', TIMEOUT, async (t) => {
  const one = await startEcho(t);
  const two = await startEcho(t);
  const { port, count } = await startPlane(t, {
    servers: [one.port, two.port],
    backend: { balance: { kind: 'first' } },
    server: { connectionsMax: 1 },
  });
  for (let index = 0; index < 2; index++) {
    const client = await dial(t, port);
    client.write('x');
    await readBytes(client, 1);
  }
  assert.equal(count(0, 'sessionsCurrent'), 1);
  assert.equal(count(1, 'sessionsCurrent'), 1);
  assert.match(await attempt(port), /ECONNRESET/);
});

test('a silent client is cut after its timeout, a busy one is not', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port } = await startPlane(t, {
    servers: [echo.port],
    frontend: { clientTimeoutMs: 400 },
  });
  // A busy one that pauses for longer than that is a silent one.
  await judged(t, async ({ holds }) => {
    const busy = await dial(t, port);
    busy.resume();
    let beats = 0;
    const beat = setInterval(() => {
      busy.write('x');
      beats++;
    }, 50);
    t.after(() => clearInterval(beat));
    const began = performance.now();
    const silent = await dial(t, port);
    assert.equal(await outcome(silent.resume()), 'end');
    assert.ok(performance.now() - began > 350);
    await until('the busy one outlived several timeouts', () => beats >= 16);
    holds(!busy.readableEnded, 'the busy one was cut, too');
  });
});

test(
  'a tunnel timeout replaces the others, fin timeouts end half-closed ones',
  TIMEOUT,
  async (t) => {
    const echo = await startServer(t, (socket) =>
      socket.on('data', (chunk) => socket.write(chunk)),
    );
    const { port, count } = await startPlane(t, {
      servers: [echo.port],
      frontend: { clientTimeoutMs: 200 },
      backend: { serverTimeoutMs: 200, tunnelTimeoutMs: 60_000, serverFinTimeoutMs: 300 },
    });
    // Both have to speak before the plain one is over.
    const client = await waitUntil('a tunnel is there', async () => {
      const next = await dial(t, port);
      next.write('x');
      return await readBytes(next, 1).then(
        () => next,
        () => null,
      );
    });
    const began = performance.now();
    const ended = outcome(client.resume());
    await until('the plain timeout has passed', () => performance.now() - began > 450);
    assert.equal(count('relay', 'connectionsCurrent'), 1);
    client.end();
    assert.equal(await ended, 'end');
    assert.ok(performance.now() - began > 700);
  },
);

test('descriptors running out pause accepting without a spin', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  // The table ends just above what is open, and nothing below is free.
  const open = Math.max(100, ...readdirSync('/proc/self/fd').map(Number));
  const fillers: number[] = [];
  while ((fillers.at(-1) ?? 0) <= open) fillers.push(openSync('/dev/null', 'r'));
  t.after(() => fillers.map((fd) => closeSync(fd)));
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    filesMax: open + 12,
    connectionsMax: 1000,
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => dial(t, port)));
  await until('accepting paused', () => count('relay', 'acceptPauses') > 0);
  const [loops, pauses] = [count('relay', 'loops'), count('relay', 'acceptPauses')];
  const began = performance.now();
  await until('time passes', () => performance.now() - began > 300);
  const turns = count('relay', 'loops') - loops;
  const rests = count('relay', 'acceptPauses') - pauses;
  const elapsedMs = performance.now() - began;
  assert.ok(turns < (200 * elapsedMs) / 300, `the loop does not spin: ${turns} in ${elapsedMs} ms`);
  assert.ok(rests < (12 * elapsedMs) / 300, `each rest lasts: ${rests} in ${elapsedMs} ms`);
  for (const client of clients) client.destroy();
  await until('all are gone', () => count('relay', 'connectionsCurrent') === 0);
});

test('two relays share the clients and add up', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { port, count, plane, beatFd } = await startPlane(t, { servers: [echo.port], relays: 2 });
  const clients = await Promise.all(Array.from({ length: 40 }, () => dial(t, port)));
  for (const client of clients) client.write('x');
  await Promise.all(clients.map((client) => readBytes(client, 1)));
  assert.equal(count('frontend', 'connectionsCurrent'), 40);
  // Two relays that count at the same instant may each miss the other's last one.
  assert.ok(count('frontend', 'connectionsMax') >= 38);
  const own = plane.parts.frontend(0, 'connectionsTotal');
  assert.ok(
    own.every((connections) => connections > 0),
    `${own}`,
  );
  const beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
  for (const slot of [LOOP_BEAT_SLOT, LOOP_BEAT_SLOT + 1]) {
    const before = beats[slot] ?? 0;
    assert.ok((beats[TID_SLOT + slot] ?? 0) > 0);
    await until('it beats on', () => (beats[slot] ?? 0) > before + 2);
  }
});

test('a snapshot moves new clients, shutdownSessions() cuts the old ones', TIMEOUT, async (t) => {
  const one = await startEcho(t);
  const two = await startEcho(t);
  const { port, count, plane, publish } = await startPlane(t, { servers: [one.port, two.port] });
  const clients = await Promise.all(Array.from({ length: 4 }, () => dial(t, port)));
  await until('they are spread', () => one.sockets.size === 2 && two.sockets.size === 2);
  await publish([false, true]);
  plane.shutdownSessions('back', 's1');
  await until('s1 is empty', () => count(0, 'sessionsCurrent') === 0);
  assert.equal(count(1, 'sessionsCurrent'), 2);
  clients.push(await dial(t, port), await dial(t, port));
  await until('new ones go to s2', () => count(1, 'sessionsCurrent') === 4);
  plane.pause();
  const [, , , , old] = clients;
  assert.ok(old !== undefined);
  const ask = async (): Promise<void> => {
    old.write('x');
    await readBytes(old, 1);
  };
  // The order is obeyed at the end of a turn: after two answers it has been.
  await ask();
  await ask();
  const waiting = await dial(t, port);
  waiting.write('x');
  await ask();
  await ask();
  assert.equal(count('frontend', 'connectionsCurrent'), 4);
  assert.equal(waiting.readableLength, 0);
});

test('2,000 connections leave no descriptor behind', { timeout: 300_000 }, async (t) => {
  const echo = await startEcho(t);
  const { port, count } = await startPlane(t, { servers: [echo.port] });
  const cycle = async (): Promise<void> => {
    const client = connect({ port, host: '127.0.0.1' });
    client.end('x');
    await once(client.resume(), 'close');
  };
  await cycle();
  await until('it is over', () => count('relay', 'connectionsCurrent') === 0);
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 20 }, cycle));
  await until('all are over', () => count('relay', 'connectionsCurrent') === 0);
  await until('the servers closed', () => echo.sockets.size === 0);
  assert.equal(count('frontend', 'connectionsTotal'), 2001);
  const after = readdirSync('/proc/self/fd').length;
  assert.ok(after <= before + 4, `${before} descriptors before, ${after} after`);
});

test('a relay that dies is told once', TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const { plane, events } = await startPlane(t, { servers: [echo.port], relays: 2 });
  assert.deepEqual(plane.health(), { threads: 2, trouble: null });
  plane.apply(JSON.parse('{"generation":9,"backends":[{}]}'));
  await until('it is told', () => events.length > 0);
  const [event] = events;
  assert.ok(event?.kind === 'failed');
  assert.match(event.message, /^Relay [01] failed: TypeError/);
  assert.equal(plane.health().trouble, event.message);
  await plane.stop();
  assert.equal(events.length, 1);
  await until('its threads are gone', () => plane.health().threads === 0);
});
