/** A server whose answers change, behind the real HAProxy and behind us: states and log must read the same. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { openPort, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const run = promisify(execFile);

/** A syslog receiver; lines lose their time, process and check durations, which differ by nature. */
async function receiver(t: TestContext): Promise<{ port: number; lines: string[] }> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const lines: string[] = [];
  socket.on('message', (message) => {
    const line = String(message)
      .replace(/^(<\d+>).*? haproxy\[\d+\]: /, '$1')
      .replace(/check duration: \d+ms/, 'check duration: 0ms');
    lines.push(line.trimEnd());
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, lines };
}

test('a server that drains, fails and comes back reads as with HAProxy 2.6', async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  let status = 200;
  const server = createServer((_request, response) => {
    response.statusCode = status;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [mine, their] = [await receiver(t), await receiver(t)];
  const [listen, other] = [await freePort(), await openPort(t)];
  // A check waits for its answer for as long as a machine may sleep.
  const file = (logPort: number): string => `global
  log 127.0.0.1:${logPort} local2
defaults
  mode tcp
  log global
  option log-health-checks
  timeout connect 10s
  timeout check 1m
  timeout client 1m
  timeout server 1m
listen kube
  bind 127.0.0.1:${listen}
  option httpchk GET /readyz
  http-check disable-on-404
  server one 127.0.0.1:${port} check inter 200 fall 2
  server two 127.0.0.1:${other}
`;
  const { config } = parseHaproxy('haproxy.cfg', file(mine.port), {});
  assert.ok(config !== null);
  const socket = { path: '', mode: null, user: null, group: null, level: 'admin' } as const;
  const process = { ...config.process, connectionsMax: 1000, relays: 1, statsSockets: [socket] };
  const ours = await startBalancer(t, { ...config, process });
  const theirSocket = join(ours.folder, 'haproxy.sock');
  const path = join(ours.folder, 'haproxy.cfg');
  writeFileSync(path, `${file(their.port)}global\n  stats socket ${theirSocket} level admin\n`);
  const haproxy = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));

  const ask = async (at: string, command: string): Promise<readonly string[]> => {
    const script = `echo '${command}' | socat -t60 - '${at}'`;
    return (await run('sh', ['-c', script]).catch(() => ({ stdout: '' }))).stdout.split('\n');
  };
  /** Status of the server, and the operational state, check result and health of the state file. */
  const stateAt = async (at: string): Promise<string> => {
    const row = (await ask(at, 'show stat -1 4 -1')).find((line) => line.startsWith('kube,one,'));
    const state = (await ask(at, 'show servers state')).find((line) => / kube 1 one /.test(line));
    const cells = state?.split(' ') ?? [];
    return [row?.split(',')[17], cells[5], cells[11], cells[12]].join(' ');
  };
  const settle = async (answer: number, expected: string): Promise<void> => {
    status = answer;
    for (const at of [ours.sockets.admin ?? '', theirSocket]) {
      let seen = '';
      await waitUntil(
        expected,
        async () => {
          seen = await stateAt(at);
          return seen === expected;
        },
        40,
      ).catch(() => assert.equal(seen, expected, at));
    }
  };

  await settle(200, 'UP 2 3 3');
  await settle(404, 'NOLB 3 4 3');
  await settle(200, 'UP 2 3 3');
  await settle(500, 'DOWN 0 2 0');
  await settle(404, 'DOWN 0 2 0');
  await settle(200, 'UP 2 3 3');
  // What a state is told of by comes a moment after it.
  const haveTold = () => mine.lines.length >= 6 && mine.lines.length === their.lines.length;
  await waitUntil('both have told all', haveTold).catch(() => {});
  assert.ok(mine.lines.length >= 6, mine.lines.join('\n'));
  assert.deepEqual(mine.lines, their.lines);
});
