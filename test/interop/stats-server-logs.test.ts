/** The same things happen to servers behind the real HAProxy and behind us: the log must read the same. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TEST_CHECK, testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type { LogTarget } from '../../src/config/model/process.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { receiveSyslog, type SyslogReceiver } from '../kit/syslog-receiver.ts';
import { waitUntil } from '../kit/wait-until.ts';

const CHECK = { ...TEST_CHECK, intervalMs: 200, fastIntervalMs: 200, downIntervalMs: 200 };

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

type Pair = {
  /** Paths of both runtime sockets. */
  readonly sockets: readonly string[];
  readonly mine: SyslogReceiver;
  readonly their: SyslogReceiver;
};

/** The same two servers on these ports, the second a backup, behind HAProxy and behind us. */
async function startPair(t: TestContext, one: number, two: number): Promise<Pair> {
  const [mine, their] = [await receiveSyslog(t), await receiveSyslog(t)];
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
    process: { ...base.process, statsSockets: [ADMIN_SOCKET] },
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
  startHaproxy(
    t,
    ours.folder,
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
  return { sockets: [ours.sockets.admin ?? '', theirSocket], mine, their };
}

/** Resolves when the checks have settled to these words everywhere. */
async function settle(sockets: readonly string[], words: readonly [string, string]): Promise<void> {
  for (const path of sockets) {
    await waitUntil(
      `${words.join(' and ')} at ${path}`,
      async () => {
        const text = await askSocket(path, 'show stat -1 4 -1').catch(() => '');
        const states = text
          .split('\n')
          .slice(1, 3)
          .map((line) => line.split(',')[17]);
        return states[0] === words[0] && states[1] === words[1];
      },
      50,
    );
  }
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
  const { sockets, mine, their } = await startPair(t, one, two);
  const everywhere = async (command: string): Promise<void> => {
    for (const path of sockets) await askSocket(path, command);
  };

  await settle(sockets, ['UP', 'UP']);
  await everywhere('set server kube-master/one state drain');
  await everywhere('set server kube-master/one state ready');
  await everywhere('set server kube-master/one state maint');
  await everywhere('set server kube-master/one state ready');
  await settle(sockets, ['UP', 'UP']);
  servers.one.close();
  await settle(sockets, ['DOWN', 'UP']);
  servers.two.close();
  await settle(sockets, ['DOWN', 'DOWN']);
  await everywhere('set server kube-master/two state maint');
  servers.one = await listen(one);
  await settle(sockets, ['UP', 'MAINT']);

  // What a state is told of by comes a moment after it.
  const haveTold = () => mine.lines.length >= 9 && mine.lines.length === their.lines.length;
  await waitUntil('both have told all', haveTold).catch(() => {});
  assert.ok(mine.lines.length >= 9, mine.lines.join('\n'));
  assert.deepEqual(mine.lines, their.lines);
});
