/** The same things happen to servers behind the real HAProxy and behind us: the log must read the same. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { TEST_CHECK, testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type { LogTarget } from '../../src/config/model/process.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const run = promisify(execFile);
const CHECK = { ...TEST_CHECK, intervalMs: 200, fastIntervalMs: 200, downIntervalMs: 200 };

/** A syslog receiver; lines lose their time, process and check durations, which differ by nature. */
async function receiver(t: TestContext): Promise<{ port: number; lines: string[] }> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const lines: string[] = [];
  socket.on('message', (message) => {
    lines.push(
      String(message)
        .replace(/^(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d haproxy\[\d+\]: /, '$1')
        .replace(/check duration: \d+ms/, 'check duration: 0ms')
        .trimEnd(),
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, lines };
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('server events read as HAProxy 2.6 writes them', async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const [one, two] = [await freePort(), await freePort()];
  const servers = { one: await listen(one), two: await listen(two) };
  t.after(() => {
    servers.one.close();
    servers.two.close();
  });
  const [mine, their] = [await receiver(t), await receiver(t)];
  const target: LogTarget = {
    address: { kind: 'udp', host: '127.0.0.1', port: mine.port },
    format: 'rfc3164',
    facility: 18,
    levelMax: 7,
    levelMin: 0,
  };
  const base = testConfig();
  const ours = await startBalancer(t, {
    ...base,
    process: {
      ...base.process,
      statsSockets: [{ path: '', mode: null, user: null, group: null, level: 'admin' }],
    },
    backends: [
      testBackend({
        balance: { kind: 'roundrobin' },
        listen: true,
        logs: [target],
        servers: [
          testServer('one', { port: one, check: CHECK }),
          testServer('two', { port: two, check: CHECK, backup: true }),
        ],
      }),
    ],
  });
  const theirSocket = join(ours.folder, 'haproxy.sock');
  const file = join(ours.folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  log 127.0.0.1:${their.port} local2
  stats socket ${theirSocket} mode 600 level admin
defaults
  mode tcp
  log global
  timeout connect 10s
  timeout client 1m
  timeout server 1m
listen kube-master
  bind 127.0.0.1:${await freePort()}
  balance roundrobin
  server one 127.0.0.1:${one} check inter 200 fall 2
  server two 127.0.0.1:${two} check inter 200 fall 2 backup
`,
  );
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));
  const sockets = [ours.sockets.admin ?? '', theirSocket];
  const ask = (path: string, command: string): Promise<{ stdout: string }> =>
    run('sh', ['-c', `echo '${command}' | socat -t5 - '${path}'`]);
  const everywhere = async (command: string): Promise<void> => {
    for (const path of sockets) await ask(path, command);
  };
  /** Both logs have as many lines, and the checks have settled to these words. */
  const settle = async (words: readonly [string, string]): Promise<void> => {
    for (const path of sockets) {
      await waitUntil(
        `${words.join(' and ')} at ${path}`,
        async () => {
          const { stdout } = await ask(path, 'show stat -1 4 -1').catch(() => ({ stdout: '' }));
          const states = stdout
            .split('\n')
            .slice(1, 3)
            .map((line) => line.split(',')[17]);
          return states[0] === words[0] && states[1] === words[1];
        },
        50,
      );
    }
  };

  await settle(['UP', 'UP']);
  await everywhere('set server kube-master/one state drain');
  await everywhere('set server kube-master/one state ready');
  await everywhere('set server kube-master/one state maint');
  await everywhere('set server kube-master/one state ready');
  await settle(['UP', 'UP']);
  servers.one.close();
  await settle(['DOWN', 'UP']);
  servers.two.close();
  await settle(['DOWN', 'DOWN']);
  await everywhere('set server kube-master/two state maint');
  servers.one = await listen(one);
  await settle(['UP', 'MAINT']);

  assert.ok(mine.lines.length >= 9, mine.lines.join('\n'));
  assert.deepEqual(mine.lines, their.lines);
});
