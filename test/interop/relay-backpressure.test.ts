/**
 * What a client that never reads costs: the relay reads from its server only what fits one pipe or one
 * buffer slot, whatever the server sends, and everything else waits in the kernel's socket buffers.
 * docs/haproxy.md and docs/configuration.md state the amount.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startServer } from '../../src/planes/relay/fixture/peers.ts';
import { BUFFER_BYTES, PIPE_BYTES } from '../../src/planes/relay/transfer/transfer-buffers.ts';
import { findCommand } from '../kit/peers.ts';
import { residentOf } from '../kit/process-figures.ts';
import { dialSilent, startRelayProcess } from '../kit/relay-process.ts';
import { waitUntil } from '../kit/wait-until.ts';

const CLIENTS = 8;
const PIECES: Readonly<Record<string, number>> = {
  'lines of 1000 bytes': 1000,
  'blocks of 64 KiB': 65_536,
  'blocks of 4 MiB': 4 << 20,
};
/** Memory that comes and goes in a JavaScript process whatever it carries. */
const NOISE_BYTES = 24 << 20;

/** Writes one piece after the other, each when the kernel has taken the one before. */
function flood(socket: Socket, piece: Buffer): void {
  socket.setNoDelay(true);
  const write = (): void => {
    if (!socket.destroyed) socket.write(piece, write);
  };
  write();
}

/** Bytes in the kernel's queues of the connections to and from `port`: not sent on, and not yet read. */
function queued(port: number): number {
  const text = execFileSync('ss', ['-Htn', `( sport = :${port} or dport = :${port} )`], {
    encoding: 'utf8',
  });
  let bytes = 0;
  for (const line of text.trim().split('\n')) {
    const [, received = '0', sent = '0', local = ''] = line.trim().split(/\s+/);
    bytes += Number(local.endsWith(`:${port}`) ? sent : received);
  }
  return bytes;
}

/** Bytes the relay read from its server once that stands still. */
async function settled(row: () => Promise<Readonly<Record<string, string>>>): Promise<number> {
  let before = -1;
  let still = 0;
  return waitUntil(
    'nothing moves any more',
    async () => {
      const now = Number((await row()).bout);
      still = now === before ? still + 1 : 0;
      before = now;
      return still >= 5 ? now : null;
    },
    100,
  );
}

test('the documentation states what a direction holds', () => {
  const amounts = [BUFFER_BYTES, PIPE_BYTES].map((bytes) => `${bytes >> 10} KiB`);
  for (const file of ['docs/haproxy.md', 'docs/configuration.md', 'README.md']) {
    const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
    for (const amount of amounts) assert.ok(text.includes(amount), `${file}: ${amount}`);
  }
});

for (const [what, length] of Object.entries(PIECES)) {
  test(`clients that never read hold a pipe or a slot each: ${what}`, async (t: TestContext) => {
    if (findCommand('ss') === null) return t.skip('The program "ss" (Debian: iproute2) is missing');
    const piece = Buffer.alloc(length, 'x');
    const server = await startServer(t, (socket) => flood(socket, piece));
    const relay = await startRelayProcess(t, [server.port]);
    await relay.row();
    const memory = residentOf(relay.pid);
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => dialSilent(t, relay.port)),
    );
    const read = await settled(relay.row);
    const held = read - queued(relay.port);
    t.diagnostic(`${CLIENTS} clients: ${read} bytes read, ${held} of them held`);
    assert.ok(read > 0 && held >= 0, `${held}`);
    assert.ok(held <= CLIENTS * Math.max(PIPE_BYTES, BUFFER_BYTES), `${held} bytes are held`);
    const grown = residentOf(relay.pid) - memory;
    assert.ok(grown < CLIENTS * BUFFER_BYTES + NOISE_BYTES, `memory grew by ${grown} bytes`);
    // Held back, not stuck: who reads after all is served on.
    const [late] = clients;
    let got = 0;
    late?.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    late?.resume();
    const before = read / CLIENTS;
    await waitUntil('it flows again', () => got > 2 * before);
  });
}
