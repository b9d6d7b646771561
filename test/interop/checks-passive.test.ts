/** Passive health in the real balancer: a client that finds a server gone takes it out for all others. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';

const run = promisify(execFile);

type Echo = { readonly server: Server; readonly port: number; readonly sockets: Set<Socket> };

/** Sends one byte to whoever comes. */
async function echo(t: TestContext): Promise<Echo> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.resume().write('x');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port, sockets };
}

test('a refused connect marks its server down at once and cuts its sessions', async (t) => {
  if (findCommand('socat') === null)
    return t.skip('The program "socat" (Debian: socat) is missing');
  const [one, two] = [await echo(t), await echo(t)];
  const keywords =
    'observe layer4 error-limit 1 on-error mark-down on-marked-down shutdown-sessions';
  // Checks too rare to have a part in it, but for the first.
  const { config, diagnostics } = parseHaproxy(
    'haproxy.cfg',
    `listen kube
  mode tcp
  bind 127.0.0.1:1
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  default-server check inter 60s fastinter 200ms ${keywords}
  server one 127.0.0.1:${one.port}
  server two 127.0.0.1:${two.port}
`,
    {},
  );
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const socket = { path: '', mode: null, user: null, group: null, level: 'admin' } as const;
  const process = { ...config.process, connectionsMax: 1000, relays: 1, statsSockets: [socket] };
  const balancer = await startBalancer(t, { ...config, process });
  const statusOf = async (server: string): Promise<string> => {
    const script = `echo 'show stat -1 4 -1' | socat -t60 - '${balancer.sockets.admin}'`;
    const { stdout } = await run('sh', ['-c', script]);
    const cells = stdout.split('\n').find((line) => line.startsWith(`kube,${server},`));
    return `${cells?.split(',')[17]} ${cells?.split(',')[36]}`;
  };
  const settle = (server: string, expected: string): Promise<boolean> =>
    waitUntil(
      `${server} ${expected}`,
      async () => (await statusOf(server)).startsWith(expected),
      40,
    );
  const call = async (): Promise<Socket> => {
    const client = createConnection(balancer.ports.kube ?? 0, '127.0.0.1');
    t.after(() => client.destroy());
    client.on('error', () => {});
    await once(client, 'data', { signal: AbortSignal.timeout(60_000) });
    return client;
  };
  await settle('one', 'UP L4OK');
  await settle('two', 'UP L4OK');
  const clients = [await call(), await call()];
  one.server.close();
  await call();
  await call();
  await settle('one', 'DOWN');
  // Its session ended, the other one's goes on.
  await waitUntil('a session is cut', () => clients.some((client) => client.destroyed));
  assert.equal(clients.filter((client) => client.destroyed).length, 1);
  assert.equal(await statusOf('two'), 'UP L4OK');
  const lines = () => balancer.messages.flatMap((each) => (each.kind === 'log' ? [each.text] : []));
  const down = await waitUntil('it is told of', () =>
    lines().find((line) => line.startsWith('Server kube/one is DOWN')),
  );
  assert.match(
    down,
    /reason: Health analyze, info: "Detected 1 consecutive errors, last one was: L4/,
  );
});
