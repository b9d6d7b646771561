import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import type { CheckResult } from '../../health/server-state.ts';
import { createTcpCheck } from './check-tcp.ts';

function check(port: number, timeoutMs = 5000, host = '127.0.0.1'): Promise<CheckResult> {
  return new Promise((resolve) => {
    createTcpCheck({ connectTimeoutMs: timeoutMs }, { host, port }).run(resolve);
  });
}

async function listen(): Promise<{ port: number; server: ReturnType<typeof createServer> }> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, server };
}

test('a listening server passes, and is left with a reset', async (t) => {
  const { port, server } = await listen();
  t.after(() => server.close());
  const reset = new Promise((resolve) => {
    server.once('connection', (socket) => socket.once('error', resolve).resume());
  });
  const result = await check(port);
  assert.equal(result.status, 'L4OK');
  assert.equal(result.passed, true);
  const error = (await reset) as NodeJS.ErrnoException;
  assert.equal(error.code, 'ECONNRESET');
});

test('a closed port is a connection problem', async () => {
  const { port, server } = await listen();
  server.close();
  await once(server, 'close');
  const { durationMs, ...rest } = await check(port);
  assert.deepEqual(rest, { status: 'L4CON', passed: false, info: 'Connection refused' });
  assert.ok(durationMs >= 0);
});

test('an address that swallows packets times out on time', async (t) => {
  // A full accept queue drops SYNs: a portable way to a connect that hangs, without leaving loopback.
  const { server, port, fill } = await fullQueue();
  t.after(() => {
    for (const socket of fill) socket.destroy();
    server.kill();
  });
  const startedAt = performance.now();
  const result = await check(port, 150);
  const tookMs = performance.now() - startedAt;
  assert.equal(result.status, 'L4TOUT');
  assert.equal(result.info, '');
  assert.ok(tookMs >= 149, `took ${tookMs} ms`);
});

test('a cancelled check says nothing and keeps no descriptor', async () => {
  const { port, server } = await listen();
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 20; round++) {
    const cancelled = createTcpCheck({ connectTimeoutMs: 5000 }, { host: '127.0.0.1', port });
    cancelled.run(() => assert.fail('cancelled'));
    cancelled.close();
  }
  for (let round = 0; round < 20; round++) await check(port);
  server.close();
  await once(server, 'close');
  assert.ok(readdirSync('/proc/self/fd').length <= before);
});

async function fullQueue() {
  const { spawn } = await import('node:child_process');
  const { connect } = await import('node:net');
  const code = `const s = require('node:net').createServer();
    s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      process.stdout.write(String(s.address().port), () => { for (;;); });
    });`;
  const server = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [data] = await once(server.stdout, 'data');
  server.kill('SIGSTOP');
  const port = Number(data);
  const fill = Array.from({ length: 6 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  const filled = fill.slice(0, 2).map((socket) => once(socket, 'connect'));
  await Promise.all(filled);
  return {
    port,
    fill,
    server: { kill: () => server.kill('SIGKILL') },
  };
}
