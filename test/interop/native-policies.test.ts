/**
 * What evergate.yaml does by default with kube-apiservers, in the real balancer: one check connection kept,
 * "not ready" drains, "not there" cuts, nobody healthy means try all, and both sides of a connection are
 * watched by TCP itself. Stand-ins are TLS servers whose answer a test can change.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { type RunningBalancer, startBalancer } from '../kit/balancer.ts';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';

const TIMEOUT = { timeout: 300_000 };
const certificate = await createServerCertificate(await createAuthority(), ['127.0.0.1']);

type Apiserver = {
  readonly server: Server;
  readonly name: string;
  readonly port: number;
  /** Accepted in all, and open now. */
  readonly seen: { connections: number; checks: number; status: number };
  readonly sockets: Set<Socket>;
};

async function startApiserver(t: TestContext, name: string): Promise<Apiserver> {
  const seen = { connections: 0, checks: 0, status: 200 };
  const sockets = new Set<Socket>();
  const options = { cert: certificate.certificatePem, key: certificate.keyPem };
  const server = createServer(options, (request, response) => {
    if (request.url === '/readyz') seen.checks++;
    response.statusCode = request.url === '/readyz' ? seen.status : 200;
    response.end(name);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, name, port: (server.address() as AddressInfo).port, seen, sockets };
}

async function serve(
  t: TestContext,
  servers: readonly Apiserver[],
  check = '',
): Promise<RunningBalancer> {
  const lines = servers.map(({ name, port }) => `  ${name}: "127.0.0.1:${port}"\n`);
  const text =
    `listen: 127.0.0.1:8443\nnodes:\n  here: 127.0.0.1\nservers:\n${lines.join('')}` +
    'check: { interval: 100ms, fast-interval: 100ms, down-interval: 100ms, timeout: 60s, ' +
    `verify: false${check} }\n` +
    'stats: { listen: "127.0.0.1:1080", users: { operator: secret-of-ours } }\n';
  const { config, diagnostics } = parseNative('evergate.yaml', text, {
    hostName: null,
    localAddresses: [{ interface: 'lo', address: '127.0.0.1', prefixLength: 8 }],
    node: null,
    canRedirect: true,
    fileExists: () => false,
    groupExists: () => false,
    mustBeNode: true,
  });
  assert.ok(config?.balancer, JSON.stringify(diagnostics));
  const process = { ...config.balancer.process, user: null, group: null, relays: 1 };
  return startBalancer(t, { ...config.balancer, process });
}

const portOf = (balancer: RunningBalancer): number => balancer.ports['kube-apiserver'] ?? 0;

/** Status of each server, by name: "UP", "DOWN", "NOLB" ... */
async function statesOf({ ports }: RunningBalancer): Promise<Readonly<Record<string, string>>> {
  const page = `http://127.0.0.1:${ports.stats}/;csv`;
  const headers = { authorization: `Basic ${btoa('operator:secret-of-ours')}` };
  const rows = (await (await fetch(page, { headers })).text()).split('\n');
  const cells = rows.map((row) => row.split(','));
  const own = cells.filter((row) => row[0] === 'kube-apiserver' && !/END$/.test(row[1] ?? 'END'));
  return Object.fromEntries(own.map((row) => [row[1] ?? '', row[17] ?? '']));
}

function settle(balancer: RunningBalancer, expected: Readonly<Record<string, string>>) {
  let last = {};
  return waitUntil(
    `servers are ${JSON.stringify(expected)}`,
    async () => {
      last = await statesOf(balancer);
      return JSON.stringify(last) === JSON.stringify(expected);
    },
    50,
  ).catch(() => assert.deepEqual(last, expected));
}

/** A client that stays; `ask` says which server answers. */
async function dial(t: TestContext, balancer: RunningBalancer) {
  const socket: TLSSocket = connect({
    port: portOf(balancer),
    host: '127.0.0.1',
    rejectUnauthorized: false,
  });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  const ask = async (): Promise<string> => {
    socket.write('GET /version HTTP/1.1\r\nhost: kube\r\n\r\n');
    const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(60_000) });
    return String(chunk).split('\r\n').at(-1) ?? '';
  };
  return { socket, ask };
}

test('many checks go over one connection, which no client shares', TIMEOUT, async (t) => {
  const server = await startApiserver(t, 'a');
  await serve(t, [server]);
  await waitUntil('it was asked ten times', () => server.seen.checks >= 10);
  assert.equal(server.seen.connections, 1);
});

test('not ready drains: who is there stays, who comes goes elsewhere', TIMEOUT, async (t) => {
  const [a, b] = [await startApiserver(t, 'a'), await startApiserver(t, 'b')];
  const balancer = await serve(t, [a, b]);
  await settle(balancer, { a: 'UP', b: 'UP' });
  const clients = [await dial(t, balancer), await dial(t, balancer)];
  const answers = await Promise.all(clients.map(({ ask }) => ask()));
  assert.deepEqual(answers.toSorted(), ['a', 'b']);
  a.seen.status = 500;
  await settle(balancer, { a: 'NOLB', b: 'UP' });
  for (let turn = 0; turn < 4; turn++) {
    assert.equal(await (await dial(t, balancer)).ask(), 'b');
  }
  assert.deepEqual(await Promise.all(clients.map(({ ask }) => ask())), answers);
  a.seen.status = 200;
  await settle(balancer, { a: 'UP', b: 'UP' });
});

test('not there cuts: its connections are reset, and others are not', TIMEOUT, async (t) => {
  const [a, b] = [await startApiserver(t, 'a'), await startApiserver(t, 'b')];
  const balancer = await serve(t, [a, b]);
  await settle(balancer, { a: 'UP', b: 'UP' });
  const clients = [await dial(t, balancer), await dial(t, balancer)];
  const answers = await Promise.all(clients.map(({ ask }) => ask()));
  const [victim, other] = answers[0] === 'a' ? clients : clients.toReversed();
  assert.ok(victim !== undefined && other !== undefined);
  const reset = once(victim.socket, 'close');
  // The port closes and the check's connection with it; the client's own stays open on this side.
  a.server.close();
  a.server.closeIdleConnections();
  await reset;
  await settle(balancer, { a: 'DOWN', b: 'UP' });
  assert.equal(await other.ask(), 'b');
});

test('nobody healthy: all are tried rather than none', TIMEOUT, async (t) => {
  const [a, b] = [await startApiserver(t, 'a'), await startApiserver(t, 'b')];
  const balancer = await serve(t, [a, b]);
  await settle(balancer, { a: 'UP', b: 'UP' });
  a.seen.status = 500;
  b.seen.status = 503;
  await settle(balancer, { a: 'NOLB', b: 'NOLB' });
  const answers = [];
  for (let turn = 0; turn < 4; turn++) answers.push(await (await dial(t, balancer)).ask());
  assert.deepEqual([...new Set(answers)].toSorted(), ['a', 'b']);
});

test('401 to a stranger means alive, unless the file says what it expects', TIMEOUT, async (t) => {
  const server = await startApiserver(t, 'a');
  server.seen.status = 401;
  await settle(await serve(t, [server]), { a: 'UP' });
  await settle(await serve(t, [server], ', expect: 200'), { a: 'NOLB' });
  await settle(await serve(t, [server], ', expect: [200, 401]'), { a: 'UP' });
});

test('both sides of a connection are probed while they are silent', TIMEOUT, async (t) => {
  if (findCommand('ss') === null) return t.skip('The program "ss" (Debian: iproute2) is missing');
  const server = await startApiserver(t, 'a');
  const balancer = await serve(t, [server]);
  await settle(balancer, { a: 'UP' });
  await (await dial(t, balancer)).ask();
  const isProbed = (filter: string) =>
    waitUntil(`keepalive runs on ${filter}`, () => {
      const text = execFileSync('ss', ['-Htno', `( ${filter} )`], { encoding: 'utf8' });
      return /^ESTAB.*timer:\(keepalive,(2\d|30)(\.\d+)?sec/m.test(text);
    });
  await isProbed(`sport = :${portOf(balancer)}`);
  await isProbed(`dport = :${server.port}`);
});
