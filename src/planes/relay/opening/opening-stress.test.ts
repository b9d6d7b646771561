/**
 * Every way a session can begin, mixed: servers that answer, hang, reset, hang up or refuse, and clients
 * that leave whenever they like. Afterwards nothing may be left over, and no answer may have been mixed up.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../../../test/kit/free-port.ts';
import type { AdmissionRules } from '../../../balance/admission.ts';
import { clientHello } from '../fixture/client-hello.ts';
import { startServer, until } from '../fixture/peers.ts';
import { type Plane, startPlane } from '../fixture/plane.ts';
import { silentPort } from '../fixture/silent-port.ts';

const CLIENTS = 400;
const AT_ONCE = 40;

/** What the n-th client does; deterministic, so that a failure comes again. */
type Manner = 'asks' | 'dribbles' | 'floods' | 'resets' | 'ends' | 'plain';
const MANNERS: readonly Manner[] = [
  'asks',
  'dribbles',
  'asks',
  'floods',
  'resets',
  'ends',
  'plain',
];

async function servers(t: TestContext): Promise<number[]> {
  let turn = 0;
  const moody = await startServer(t, (socket) => {
    const mood = turn++ % 4;
    socket.on('end', () => socket.end());
    if (mood === 0) socket.pipe(socket);
    else if (mood === 1) socket.resume();
    else if (mood === 2) socket.once('data', () => socket.resetAndDestroy());
    else socket.resume().end();
  });
  const slow = await startServer(t, (socket) => {
    socket.on('end', () => socket.end());
    socket.once('data', (chunk: Buffer) => {
      setTimeout(() => {
        socket.write(chunk);
        socket.pipe(socket);
      }, 30);
    });
  });
  const echo = await startServer(t, (socket) => socket.pipe(socket));
  return [moody.port, await freePort(), await silentPort(t), slow.port, echo.port];
}

/** Sockets of this process; pipes are kept for the next stream. */
function openSockets(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed since it was listed.
      return '';
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}

function wordsOf(manner: Manner): Buffer {
  if (manner === 'plain') return Buffer.concat([Buffer.from('GET '), randomBytes(700)]);
  const hello = clientHello({ paddingBytes: 600 });
  return manner === 'floods' ? Buffer.concat([hello, randomBytes(60_000)]) : hello;
}

/** One client's life; resolves with what came back that should not have. */
function live(
  t: TestContext,
  port: number,
  manner: Manner,
  number: number,
): Promise<string | null> {
  const said = wordsOf(manner);
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    let got = 0;
    let wrong: string | null = null;
    const patience = setTimeout(() => socket.destroy(), 1500);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(patience);
      resolve(wrong);
    });
    socket.on('end', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      if (!chunk.equals(said.subarray(got, got + chunk.length))) {
        wrong = `Client ${number} (${manner}) got foreign bytes at ${got}`;
      }
      got += chunk.length;
      if (got >= said.length) socket.destroy();
    });
    socket.on('connect', () => {
      if (manner === 'resets') setTimeout(() => socket.resetAndDestroy(), number % 60);
      if (manner === 'ends') socket.end(said);
      else if (manner === 'dribbles') {
        socket.setNoDelay(true);
        socket.write(said.subarray(0, 10));
        setTimeout(() => socket.write(said.subarray(10)), 20);
      } else socket.write(said);
    });
  });
}

const TIMEOUT = { timeout: 300_000 };

async function storm(t: TestContext, admission?: AdmissionRules): Promise<Plane> {
  const started = await startPlane(t, {
    servers: await servers(t),
    relays: 2,
    backend: {
      balance: { kind: 'leastconn' },
      hedgeConnectMs: 20,
      hedgeAfterMs: 20,
      connectTimeoutMs: 300,
      queueTimeoutMs: 300,
      serverTimeoutMs: 800,
      ...(admission === undefined ? {} : { admission }),
    },
    server: { connectionsMax: 12 },
    frontend: { clientTimeoutMs: 800 },
  });
  const { port, plane, count } = started;
  const before = openSockets();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < CLIENTS) {
      const number = next++;
      const wrong = await live(t, port, MANNERS[number % MANNERS.length] ?? 'asks', number);
      assert.equal(wrong, null);
      if (number % 50 === 25) plane.shutdownSessions('back', 's4');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await until('all sessions are over', () => count('relay', 'connectionsCurrent') === 0);
  for (const server of [0, 1, 2, 3, 4]) {
    assert.equal(count(server, 'sessionsCurrent'), 0, `server ${server}`);
  }
  assert.equal(count('backend', 'sessionsCurrent'), 0);
  assert.equal(count('backend', 'queueCurrent'), 0);
  await until('every socket is closed', () => openSockets() <= before);
  return started;
}

test('whatever servers and clients do, nothing is mixed up or left over', TIMEOUT, async (t) => {
  const { count } = await storm(t);
  assert.ok(count(2, 'hedges') > 0 && count(4, 'hedgesWon') > 0, 'there were races');
});

test('nor where clients wait for those before them to be answered', TIMEOUT, async (t) => {
  await storm(t, { cold: 3, max: 8 });
});
