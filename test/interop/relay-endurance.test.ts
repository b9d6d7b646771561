/**
 * Much through one balancer process: big transfers checked at both ends, many at once, and connections by
 * the thousand, after which it has no more descriptors and no more memory than before.
 *
 * `EVERGATE_ENDURANCE=1 node --test test/interop/relay-endurance.test.ts` takes the whole amounts: 1 GiB
 * each way and 100,000 connections. Without it the same runs with a small part of them.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { startEcho, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { descriptorsOf, residentOf } from '../kit/process-figures.ts';
import { type RelayProcess, startRelayProcess } from '../kit/relay-process.ts';
import { waitUntil } from '../kit/wait-until.ts';

const WHOLE = process.env.EVERGATE_ENDURANCE === '1';
const BIG_BYTES = WHOLE ? 1 << 30 : 64 << 20;
const CYCLES = WHOLE ? 100_000 : 4000;
const TRANSFERS = 200;
const TRANSFER_BYTES = 512 << 10;
/** Cycles at the same time. */
const CYCLES_AT_ONCE = 50;
/** Cycles until memory is what it stays at: compiled code, tables touched, buffers kept. */
const WARM_UP_CYCLES = 2000;
/** Memory of a JavaScript process moves by this much with its garbage. */
const NOISE_BYTES = 24 << 20;
const TIMEOUT = { timeout: WHOLE ? 600_000 : 300_000 };

/** Sends `bytes` bytes, each block different from the one before, then FIN; resolves to their digest. */
async function pour(socket: Socket, bytes: number, salt: number): Promise<string> {
  const digest = createHash('sha256');
  const block = Buffer.alloc(256 << 10, salt);
  for (let left = bytes; left > 0; left -= block.length) {
    // A block may still be on its way: its successor is another one.
    const next = Buffer.from(block.subarray(0, Math.min(left, block.length)));
    next.writeUInt32LE(left, 0);
    digest.update(next);
    if (!socket.write(next)) await once(socket, 'drain');
  }
  socket.end();
  return digest.digest('hex');
}

/** Reads to the end; resolves to the digest of it all. */
async function drink(socket: Socket): Promise<string> {
  const digest = createHash('sha256');
  // A loop over the socket itself destroys it at its end, with what the other direction still has to send.
  const chunks = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) digest.update(chunk);
  return digest.digest('hex');
}

/** Both ways at once; resolves when both digests were compared on both ends. */
async function exchange(port: number, bytes: number, salt: number): Promise<void> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(client, 'connect');
  // The first line tells the server how much to send, and with what.
  client.write(`${String(bytes).padStart(11)} ${String(salt).padStart(3)}\n`);
  const [sent, received] = await Promise.all([pour(client, bytes, salt), drink(client)]);
  const [heard, said] = await takeReport(salt);
  assert.equal(heard, sent, 'the server heard what the client sent');
  assert.equal(received, said, 'the client got what the server sent');
}

/** What the server heard and said, by salt. */
const reports = new Map<number, readonly [string, string]>();

async function takeReport(salt: number): Promise<readonly [string, string]> {
  const report = await waitUntil('the server has reported', () => reports.get(salt));
  reports.delete(salt);
  return report;
}

async function serveExchange(socket: Socket): Promise<void> {
  await once(socket, 'readable');
  const line = String(socket.read(16));
  const [bytes, salt] = [Number(line.slice(0, 11)), Number(line.slice(12, 15))];
  const [said, heard] = await Promise.all([pour(socket, bytes, salt + 1), drink(socket)]);
  reports.set(salt, [heard, said]);
}

const serve = (socket: Socket): void => {
  serveExchange(socket).catch((error: unknown) => socket.destroy(error as Error));
};

/** Waits until these columns say so: what a client has got is counted a moment later. */
async function counts(
  relay: RelayProcess,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  let seen = {};
  const isCounted = async (): Promise<boolean> => {
    const row = await relay.row();
    seen = Object.fromEntries(Object.keys(expected).map((name) => [name, Number(row[name])]));
    return isDeepStrictEqual(seen, expected);
  };
  await waitUntil('all is counted', isCounted).catch(() => {});
  assert.deepEqual(seen, expected);
}

test(`${BIG_BYTES >> 20} MiB each way at once arrive whole`, TIMEOUT, async (t) => {
  const server = await startServer(t, serve);
  const relay = await startRelayProcess(t, [server.port]);
  const before = residentOf(relay.pid);
  const startedAt = performance.now();
  await exchange(relay.port, BIG_BYTES, 7);
  const seconds = (performance.now() - startedAt) / 1000;
  await counts(relay, { bin: BIG_BYTES + 16, bout: BIG_BYTES });
  const grown = residentOf(relay.pid) - before;
  t.diagnostic(`${seconds.toFixed(1)} s; memory grew by ${grown >> 10} KiB`);
  assert.ok(grown < NOISE_BYTES, `memory grew by ${grown} bytes`);
});

test(`${TRANSFERS} transfers each way at the same time arrive whole`, TIMEOUT, async (t) => {
  const server = await startServer(t, serve);
  const relay = await startRelayProcess(t, [server.port]);
  const before = descriptorsOf(relay.pid);
  await Promise.all(
    Array.from({ length: TRANSFERS }, (_, salt) => exchange(relay.port, TRANSFER_BYTES, salt)),
  );
  const carried = TRANSFERS * TRANSFER_BYTES;
  const moved = { bin: carried + TRANSFERS * 16, bout: carried };
  await counts(relay, { ...moved, scur: 0, stot: TRANSFERS });
  // Pipes are kept for the next stream: two descriptors each, 256 at most.
  const kept = descriptorsOf(relay.pid) - before;
  assert.ok(kept <= 2 * 256 + 4, `${kept} descriptors more`);
});

/** How a client may end: each leaves the same behind, which is nothing. */
const ENDINGS: readonly ((client: Socket) => void)[] = [
  (client) => client.end('x'),
  (client) => client.end(),
  (client) => client.resetAndDestroy(),
  (client) => client.write('x', () => client.resetAndDestroy()),
  (client) => client.write(Buffer.alloc(100_000), () => client.destroy()),
];

async function cycle(port: number, number: number): Promise<void> {
  const client = connect({ port, host: '127.0.0.1' });
  client.on('error', () => {});
  // A server may have reset it before we know that it is there.
  client.on('connect', () => ENDINGS[number % ENDINGS.length]?.(client));
  client.resume();
  await new Promise((resolve) => client.on('close', resolve));
}

async function cycles(port: number, count: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await cycle(port, next++);
  };
  await Promise.all(Array.from({ length: CYCLES_AT_ONCE }, work));
}

test(`${CYCLES} connections leave no descriptor and no memory behind`, TIMEOUT, async (t) => {
  const echo = await startEcho(t);
  const rude = await startServer(t, (socket) => {
    socket.on('data', () => socket.resetAndDestroy()).on('end', () => socket.end());
  });
  const brief = await startServer(t, (socket) => {
    socket.end('bye');
    socket.resume();
  });
  const relay = await startRelayProcess(t, [echo.port, rude.port, brief.port]);
  const idle = async (): Promise<void> => {
    await waitUntil('all are over', async () => (await relay.row()).scur === '0');
  };
  await cycles(relay.port, WARM_UP_CYCLES);
  await idle();
  const [files, memory] = [descriptorsOf(relay.pid), residentOf(relay.pid)];
  await cycles(relay.port, CYCLES);
  await idle();
  assert.equal((await relay.row()).stot, String(WARM_UP_CYCLES + CYCLES));
  const grown = [descriptorsOf(relay.pid) - files, residentOf(relay.pid) - memory] as const;
  t.diagnostic(`${grown[0]} descriptors and ${grown[1] >> 10} KiB more than before`);
  assert.ok(grown[0] <= 2, `${grown[0]} descriptors more`);
  assert.ok(grown[1] < NOISE_BYTES, `${grown[1]} bytes more`);
});
