/** Unix sockets and refused UDP; what arrives is read with our own calls, for Node has no unix datagrams. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { receiveDatagram } from '../linux/datagram-calls.ts';
import { EAGAIN } from '../linux/errno.ts';
import { closeFd } from '../linux/files.ts';
import { addressOf } from '../linux/libc.ts';
import { AF_UNIX, bindSocket, openSocket, SOCK_DGRAM } from '../linux/sockets.ts';
import { LogOutlet } from './outlet.ts';

/** More than net.unix.max_dgram_qlen lets a receiver keep anywhere. */
const LINES_MAX = 100_000;

function write(outlet: LogOutlet, text: string): boolean {
  const bytes = Buffer.from(text);
  return outlet.write(bytes, addressOf(bytes), bytes.length);
}

function read(fd: number): string | null {
  const bytes = Buffer.alloc(100);
  const received = receiveDatagram(fd, bytes);
  if (received === -EAGAIN) return null;
  return bytes.toString('utf8', 0, received);
}

function syslogSocket(t: TestContext): { readonly path: string; listen(): number } {
  const folder = mkdtempSync(join(tmpdir(), 'eg-outlet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'log');
  const listen = (): number => {
    rmSync(path, { force: true });
    const fd = openSocket(AF_UNIX, SOCK_DGRAM);
    bindSocket(fd, { kind: 'unix', path });
    return fd;
  };
  return { path, listen };
}

test('a syslog daemon may come late and restart: only what it was not there for is lost', (t) => {
  const { path, listen } = syslogSocket(t);
  const outlet = new LogOutlet({ kind: 'unix', path });
  t.after(() => outlet.close());
  assert.equal(write(outlet, 'nobody'), false);
  const first = listen();
  assert.equal(write(outlet, 'one'), true);
  assert.equal(read(first), 'one');
  closeFd(first);
  assert.equal(write(outlet, 'nobody again'), false);
  const second = listen();
  t.after(() => closeFd(second));
  assert.equal(write(outlet, 'two'), true);
  assert.equal(read(second), 'two');
  assert.equal(read(second), null);
});

test('a daemon that restarted between two lines loses none', (t) => {
  const { path, listen } = syslogSocket(t);
  const first = listen();
  const outlet = new LogOutlet({ kind: 'unix', path });
  t.after(() => outlet.close());
  assert.equal(write(outlet, 'one'), true);
  closeFd(first);
  const second = listen();
  t.after(() => closeFd(second));
  assert.equal(write(outlet, 'two'), true);
  assert.equal(read(second), 'two');
});

test('a daemon that does not read loses lines, and nobody waits for it', (t) => {
  const { path, listen } = syslogSocket(t);
  const fd = listen();
  t.after(() => closeFd(fd));
  const outlet = new LogOutlet({ kind: 'unix', path });
  t.after(() => outlet.close());
  let taken = 0;
  while (taken < LINES_MAX && write(outlet, 'line')) taken++;
  assert.ok(taken > 0 && taken < LINES_MAX, `${taken} lines taken`);
  assert.equal(read(fd), 'line');
  assert.equal(write(outlet, 'line'), true);
});

test('an answer to an earlier UDP line costs the next one nothing', async (t) => {
  const probe = createSocket('udp4').bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  const outlet = new LogOutlet({ kind: 'udp', host: '127.0.0.1', port });
  t.after(() => outlet.close());
  assert.equal(write(outlet, 'nobody'), true);
  const receiver = createSocket('udp4').bind(port, '127.0.0.1');
  t.after(() => receiver.close());
  await once(receiver, 'listening');
  const received = once(receiver, 'message', { signal: AbortSignal.timeout(60_000) });
  assert.equal(write(outlet, 'one'), true);
  assert.equal(String((await received)[0]), 'one');
});
