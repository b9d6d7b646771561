/**
 * What `server` lines say beside an address, held against HAProxy. Servers that track others (`track`): the same states,
 * statistics, lines of the log and answers, whatever checks find and operators ask for. `source`: traffic and checks
 * come from the same addresses.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, openPort, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { receiveSyslog } from '../kit/syslog-receiver.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** Columns that do not depend on when somebody looks. */
const COLUMNS = ['pxname', 'svname', 'status', 'weight', 'act', 'check_status', 'tracked'];

/** An operator's words, one after the other. */
const COMMANDS = [
  'set server a/s2 state maint',
  'set server b/s2 state maint',
  'set server a/s2 state ready',
  'set server b/s2 state ready',
  'set server a/s2 state drain',
  'set server b/s2 state drain',
  'set server a/s2 state ready',
  'set server b/s2 state ready',
  'set server c/s1 state maint',
  'set server c/s1 state ready',
  'set server b/s1 state maint',
  'set server b/s1 state ready',
];

function table(csv: string): string {
  const [head = '', ...rows] = csv.replace('# ', '').trim().split('\n');
  const names = head.split(',');
  const cells = rows
    .map((row) => row.split(','))
    .filter((row) => !['FRONTEND', 'BACKEND'].includes(row[1] ?? ''))
    .map((row) => COLUMNS.map((name) => row[names.indexOf(name)] ?? '').join(' '));
  return cells.join('\n');
}

/** Of `show servers state`: name, operational and administrative state. */
function states(text: string): string {
  const rows = text.split('\n').filter((row) => /^\d+ /.test(row));
  return rows.map((row) => [1, 3, 5, 6].map((at) => row.split(' ')[at]).join(' ')).join('\n');
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** `moving`: the port of the server that goes down and comes back. */
function configText(log: number, ports: readonly number[], moving: number, steady: number): string {
  return `
defaults
  mode tcp
  log 127.0.0.1:${log} local0
  timeout connect 1s
  timeout client 1h
  timeout server 1h
listen a
  bind 127.0.0.1:${ports[0]}
  server s1 127.0.0.1:${moving} check inter 200 fall 2 rise 2
  server s2 127.0.0.1:${steady} check inter 200 fall 2 rise 1
listen b
  bind 127.0.0.1:${ports[1]}
  server s1 127.0.0.1:${steady} track a/s1
  server s2 127.0.0.1:${steady} track a/s2 weight 5
listen c
  bind 127.0.0.1:${ports[2]}
  server s1 127.0.0.1:${steady} track b/s1
`;
}

test('servers that track others do as in HAProxy', async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const [moving, steady] = [await freePort(), await openPort(t)];
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  let server: Server | null = await listen(moving);
  t.after(() => server?.close());
  const text = (log: number): string => configText(log, ports, moving, steady);
  const [ourLog, theirLog] = [await receiveSyslog(t), await receiveSyslog(t)];
  const { config, diagnostics } = parseHaproxy('h', text(ourLog.port), {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const process = { ...config.process, statsSockets: [ADMIN_SOCKET] };
  const ours = await startBalancer(t, { ...config, process });
  const our = ours.sockets.admin ?? '';
  const their = join(ours.folder, 'theirs.sock');
  startHaproxy(
    t,
    ours.folder,
    `global\n  stats socket ${their} level admin\n${text(theirLog.port)}`,
  );
  const ask = (command: string): Promise<readonly string[]> =>
    Promise.all([our, their].map((path) => askSocket(path, command).catch(() => '')));

  /** Until both say the same, and that the server whose port is opened and closed is as it should be. */
  async function settled(what: string, status: string): Promise<void> {
    let last: readonly (readonly string[])[] = [];
    const isSo = async (): Promise<boolean> => {
      last = [
        (await ask('show stat')).map((csv) => table(csv)),
        (await ask('show servers state')).map(states),
      ];
      const [csv] = last;
      return (
        last.every(([mine, its]) => mine === its) && csv?.[0]?.includes(`a s1 ${status} `) === true
      );
    };
    await waitUntil(what, isSo).catch(() => {
      for (const [mine, its] of last) assert.equal(mine, its, what);
      assert.fail(what);
    });
  }

  await settled('all are checked', 'UP');
  server.close();
  server = null;
  await settled('one is down', 'DOWN');
  server = await listen(moving);
  await settled('and up again', 'UP');
  for (const command of COMMANDS) {
    const [mine, its] = await ask(command);
    assert.equal(mine, its, command);
    await settled(command, 'UP');
  }
  const without = (lines: readonly string[]) =>
    lines.filter((line) => !/Proxy .* (started|stopped)/.test(line));
  const told = () => ourLog.lines.length === without(theirLog.lines).length;
  await waitUntil('both have told all', told).catch(() => {});
  assert.deepEqual(ourLog.lines, without(theirLog.lines));
});

/** Tells whoever asks over HTTP the address that it sees; `seen` has all of them. */
async function startMirror(t: TestContext): Promise<{ port: number; seen: Set<string> }> {
  const seen = new Set<string>();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const from = socket.remoteAddress;
    // A check that has given up meanwhile has no address any more.
    if (from === undefined) return;
    socket.once('data', () => {
      seen.add(from);
      socket.end(`HTTP/1.0 200 OK\r\n\r\n${from}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, seen };
}

/** What the server behind the port tells; empty: nothing. */
function askMirror(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text.split('\r\n').at(-1) ?? ''));
  });
}

test('connections and checks come from the address of source, as in HAProxy', async (t) => {
  const reason = whyNoHaproxy();
  if (reason !== null) return t.skip(reason);
  const lines = { a: 'source 127.0.0.8', b: 'source 127.0.0.9', c: 'source *', d: '' };
  const expected = { a: '127.0.0.8', b: '127.0.0.9', c: '127.0.0.1', d: '127.0.0.7' };
  const names = Object.keys(lines) as (keyof typeof lines)[];
  const build = async () => {
    const mirrors = await Promise.all(names.map(() => startMirror(t)));
    const ports = await Promise.all(names.map(() => freePort()));
    const proxies = names.map((name, index) => {
      const [proxy, server] = name === 'a' ? [`  ${lines.a}\n`, ''] : ['', lines[name]];
      return `listen ${name}\n  bind 127.0.0.1:${ports[index]}\n${proxy}  server s 127.0.0.1:${mirrors[index]?.port} check inter 100 ${server}\n`;
    });
    const text = `defaults\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n  option httpchk\n  source 127.0.0.7\n${proxies.join('')}`;
    return { mirrors, ports, text };
  };
  const [mine, its] = [await build(), await build()];
  const { config, diagnostics } = parseHaproxy('h', mine.text, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const ours = await startBalancer(t, config);
  startHaproxy(t, ours.folder, its.text);
  const ports = [names.map((name) => ours.ports[name] ?? 0), its.ports];
  for (const [side, { mirrors }] of [mine, its].entries()) {
    for (const [index, name] of names.entries()) {
      const what = `${side === 0 ? 'ours' : 'HAProxy'} ${name}`;
      await waitUntil(`${what} checks`, () => (mirrors[index]?.seen.size ?? 0) > 0);
      const port = ports[side]?.[index] ?? 0;
      const told = await waitUntil(`${what} serves`, async () => (await askMirror(port)) || null);
      assert.equal(told, expected[name], what);
      assert.deepEqual([...(mirrors[index]?.seen ?? [])], [expected[name]], what);
    }
  }
});
