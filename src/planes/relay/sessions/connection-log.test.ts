/** The relay's log lines as a syslog daemon receives them. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../../../test/kit/free-port.ts';
import type { ConnectionLog } from '../../../config/model/traffic.ts';
import { dial, readBytes, startEcho, startServer, until } from '../fixture/peers.ts';
import { startPlane } from '../fixture/plane.ts';

/** A UDP syslog listener and the frontend log that sends to it. */
async function startSyslog(t: TestContext, log: Partial<ConnectionLog> = {}) {
  const socket = createSocket('udp4');
  const lines: string[] = [];
  socket.on('message', (message) => lines.push(message.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const target = {
    address: { kind: 'udp', host: '127.0.0.1', port: socket.address().port },
    format: 'rfc3164',
    facility: 18,
    levelMax: 7,
    levelMin: 0,
  } as const;
  const frontend = {
    log: { targets: [target], format: 'tcplog', dontLogNull: false, ...log } as const,
  };
  return { lines, target, frontend };
}

const HEADER = `<150>[A-Z][a-z]{2} [ 1-3]\\d \\d\\d:\\d\\d:\\d\\d haproxy\\[${process.pid}\\]: `;
const DATE = '\\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\]';

test('tcplog lines tell how each session ended', { timeout: 300_000 }, async (t) => {
  const { lines, frontend } = await startSyslog(t);
  const server = await startServer(t, (socket) => {
    socket.on('data', (chunk) => {
      if (String(chunk) === 'die') socket.resetAndDestroy();
      else socket.write(chunk);
    });
    socket.on('end', () => socket.end());
  });
  const { port } = await startPlane(t, {
    servers: [server.port],
    frontend: { ...frontend, clientTimeoutMs: 300 },
  });
  const expectLine = async (index: number, bytes: number, code: string): Promise<void> => {
    await until(`line ${index} is there`, () => lines.length > index);
    const rest = `127\\.0\\.0\\.1:\\d+ ${DATE} front back/s1 0/\\d+/\\d+ ${bytes} ${code} 1/1/0/0/0 0/0\n`;
    assert.match(lines[index] ?? '', new RegExp(`^${HEADER}${rest}$`));
  };
  const polite = await dial(t, port);
  polite.write('hello');
  await readBytes(polite, 5);
  polite.end();
  await expectLine(0, 5, '--');
  const silent = await dial(t, port);
  silent.resume();
  await expectLine(1, 0, 'cD');
  const rude = await dial(t, port);
  rude.write('hi');
  await readBytes(rude, 2);
  rude.resetAndDestroy();
  await expectLine(2, 2, 'CD');
  const unlucky = await dial(t, port);
  unlucky.write('die');
  await expectLine(3, 0, 'SD');
});

test('failed and missing servers are SC, retries are counted', { timeout: 300_000 }, async (t) => {
  const { lines, frontend } = await startSyslog(t);
  const echo = await startEcho(t);
  const dead = await freePort();
  const { port, publish } = await startPlane(t, { servers: [dead, echo.port], frontend });
  const client = await dial(t, port);
  client.end('x');
  await until('the first line is there', () => lines.length === 1);
  assert.match(lines[0] ?? '', /front back\/s2 0\/\d+\/\d+ 1 -- 1\/1\/0\/0\/\+1 0\/0\n$/);
  await publish([true, false]);
  connect({ port, host: '127.0.0.1' }).on('error', () => {});
  await until('the second line is there', () => lines.length === 2);
  assert.match(lines[1] ?? '', /front back\/s1 0\/-1\/\d+ 0 SC 1\/1\/0\/0\/0 0\/0\n$/);
  await publish([false, false]);
  connect({ port, host: '127.0.0.1' }).on('error', () => {});
  await until('the third line is there', () => lines.length === 3);
  assert.match(lines[2] ?? '', /front back\/<NOSRV> -1\/-1\/\d+ 0 SC 1\/1\/0\/0\/0 0\/0\n$/);
});

test('the connect line comes at once and names both ends', { timeout: 300_000 }, async (t) => {
  const { lines, frontend } = await startSyslog(t, { format: 'connect' });
  const echo = await startEcho(t);
  const { port } = await startPlane(t, { servers: [echo.port], frontend });
  const client = await dial(t, port);
  await until('the line is there', () => lines.length === 1);
  const ends = `Connect from 127.0.0.1:${client.localPort} to 127.0.0.1:${port} (front/TCP)\n`;
  assert.ok(lines[0]?.endsWith(ends), String(lines[0]));
});

test('dontlognull and a level of notice silence what they should', {
  timeout: 300_000,
}, async (t) => {
  const { lines, frontend, target } = await startSyslog(t, { dontLogNull: true });
  const echo = await startEcho(t);
  const targets = [target, { ...target, levelMax: 5 }];
  const { port, count } = await startPlane(t, {
    servers: [echo.port],
    frontend: { log: { ...frontend.log, targets } },
  });
  const empty = await dial(t, port);
  empty.end();
  await until('it is over', () => count('relay', 'connectionsCurrent') === 0);
  const full = await dial(t, port);
  full.end('four');
  await until('the line is there', () => lines.length > 0);
  await until('it is over', () => count('relay', 'connectionsCurrent') === 0);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', / 4 -- /);
});
