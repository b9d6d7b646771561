/** Frontends on IPv6 and on unix sockets. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dial, readBytes, startServer } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';

test('on [::] an IPv4 client is hashed as HAProxy hashes its mapped address', {
  timeout: 300_000,
}, async (t) => {
  const servers: number[] = [];
  for (const index of [0, 1, 2]) {
    const server = await startServer(t, (socket) => socket.end(String(index)));
    servers.push(server.port);
  }
  const { port } = await startPlane(t, {
    servers,
    listen: { kind: 'ipv6', host: '::', port: 0 },
    backend: { balance: { kind: 'source' } },
  });
  for (const last of [1, 2, 3, 4, 5, 6]) {
    const client = await dial(t, port, `127.0.0.${last}`);
    const hash = ((0x7f000000 | last) ^ 0xffff) >>> 0;
    assert.equal((await readBytes(client, 1)).toString(), String(hash % 3));
  }
  const native = connect({ port, host: '::1' });
  t.after(() => native.destroy());
  assert.equal((await readBytes(native, 1)).toString(), '1');
});

test('a unix frontend carries a stream, half-closed at the end', {
  timeout: 300_000,
}, async (t) => {
  const data = Buffer.alloc(4 << 20, 'stream');
  const server = await startServer(t, (socket) => {
    let seen = 0;
    socket.on('data', (chunk) => {
      seen += chunk.length;
    });
    socket.on('end', () => {
      socket.write(String(seen).padEnd(8));
      socket.end(data);
    });
  });
  const directory = mkdtempSync(join(tmpdir(), 'evergate-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'front.sock');
  await startPlane(t, { servers: [server.port], listen: { kind: 'unix', path } });
  const client = connect({ path, allowHalfOpen: true });
  t.after(() => client.destroy());
  await once(client, 'connect');
  client.end(data);
  const answer = await readBytes(client, 8 + data.length);
  assert.equal(answer.subarray(0, 8).toString(), String(data.length).padEnd(8));
  assert.ok(answer.subarray(8).equals(data));
});
