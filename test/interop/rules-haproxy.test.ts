/**
 * ACLs, rules over connections and over what clients say, routes by name, and limits of each source beside
 * HAProxy 2.6: the same file, the same clients, the same outcomes and the same columns of `show stat`.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { clientHello, tlsRecord } from '../../src/planes/relay/fixture/client-hello.ts';
import { startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const TIMEOUT = { timeout: 300_000 };

/** Longer than a loaded machine needs for a hello. */
const DELAY_MS = 3_000;

const DEFAULTS = `defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
`;

/** Where a client is led, or how it is turned away. */
type Outcome = 'A' | 'B' | 'C' | 'reset' | 'end';

type Client = {
  readonly frontend: string;
  readonly from: string;
  /** What it says at once; with several it waits a little in between. */
  readonly says: readonly Buffer[];
  /** Ends its side behind that. */
  readonly ends?: true;
};

/** A server that says who it is as soon as a client has said something, or ended. */
function startNamed(t: TestContext, name: string) {
  return startServer(t, (socket) => {
    let said = false;
    const say = (): void => {
      if (!said) socket.write(name);
      said = true;
    };
    socket.once('data', say);
    socket.once('end', () => {
      say();
      socket.end();
    });
  });
}

function meet(port: number, { from, says, ends }: Client): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true });
    const finish = (outcome: Outcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.on('connect', async () => {
      socket.setNoDelay(true);
      for (const [index, part] of says.entries()) {
        if (index > 0) await new Promise((next) => setTimeout(next, 30));
        socket.write(part);
      }
      if (ends === true) socket.end();
    });
    socket.once('data', (data) => finish(String(data) as Outcome));
    socket.on('end', () => finish('end'));
    socket.on('error', () => finish('reset'));
  });
}

type Pair = {
  readonly ports: readonly Readonly<Record<string, number>>[];
  /** Paths of the runtime sockets, HAProxy's first. */
  readonly sockets: readonly string[];
};

/** HAProxy and us with one file; `%NAME%` in it becomes a port of HAProxy's frontend of that name. */
async function startPair(t: TestContext, text: string): Promise<Pair> {
  const names = ['A', 'B', 'C'];
  const servers = await Promise.all(names.map((name) => startNamed(t, name)));
  let file = DEFAULTS + text.replaceAll('%serverC%', String(servers[2]?.port));
  const theirs: Record<string, number> = {};
  for (const [, name = ''] of file.matchAll(/%(\w+)%/g)) theirs[name] ??= await freePort();
  for (const [name, port] of Object.entries(theirs)) file = file.replaceAll(`%${name}%`, `${port}`);
  for (const [index, name] of names.entries()) {
    file += `backend ${name}\n  server ${name} 127.0.0.1:${servers[index]?.port}\n`;
  }
  file += 'backend nobody\n  server off 127.0.0.1:1 disabled\n';
  const folder = mkdtempSync(join(tmpdir(), 'eg-rules-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'haproxy.sock');
  startHaproxy(
    t,
    folder,
    `global\n  nbthread 1\n  stats socket ${socket} mode 600 level admin\n${file}`,
  );
  const { config, diagnostics } = parseHaproxy('haproxy.cfg', file, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const ours = await startBalancer(t, {
    ...config,
    process: { ...config.process, statsSockets: [ADMIN_SOCKET] },
  });
  await waitUntil(
    'HAProxy answers',
    () => askSocket(socket, 'show info').then(Boolean, () => false),
    50,
  );
  return { ports: [theirs, ours.ports], sockets: [socket, ours.sockets.admin ?? ''] };
}

const hello = (serverName: string | null): Buffer => clientHello({ serverName });

/** Columns that the same clients bring to the same values. */
const COLUMNS = 'pxname svname scur stot bin bout dreq ereq dcon dses conn_tot econ lbtot'.split(
  ' ',
);

async function table(socket: string, columns = COLUMNS): Promise<string[]> {
  const text = (await askSocket(socket, 'show stat')).trimEnd();
  const [header = '', ...rows] = text.split('\n').map((line) => line.replace(/^# /, ''));
  const names = header.split(',');
  return rows.map((row) => {
    const cells = row.split(',');
    return columns.map((name) => `${name}=${cells[names.indexOf(name)]}`).join(' ');
  });
}

async function assertSameTables({ sockets }: Pair): Promise<void> {
  const [theirs = '', ours = ''] = sockets;
  let seen: string[][] = [];
  // Who is turned away is counted a moment later.
  await waitUntil('nobody is left, and both have counted all', async () => {
    seen = [await table(theirs), await table(ours)];
    const isIdle = seen.flat().every((row) => row.includes(' scur=0 '));
    return isIdle && isDeepStrictEqual(seen[1], seen[0]);
  }).catch(() => {});
  assert.deepEqual(seen[1], seen[0]);
  assert.ok(
    seen.flat().every((row) => row.includes(' scur=0 ')),
    'nobody is left',
  );
}

async function assertSameOutcomes(
  { ports }: Pair,
  clients: readonly (readonly [Client, Outcome])[],
): Promise<void> {
  for (const [client, expected] of clients) {
    const both = await Promise.all(ports.map((known) => meet(known[client.frontend] ?? 0, client)));
    const words = client.says.map((part) => part.subarray(0, 12).toString('hex'));
    const who = `HAProxy and we: ${client.frontend} ${client.from} ${words}`;
    assert.deepEqual(both, [expected, expected], who);
  }
}

/** What `clear counters` and `clear counters all` are about. */
const CLEARED = [
  ...COLUMNS,
  ...'smax rate rate_max conn_rate_max qmax lastsess chkfail chkdown ctime ttime_max'.split(' '),
];

/** Clears on both sides, and has the same left there: peaks first, then everything. */
async function assertClearedAlike({ sockets }: Pair): Promise<void> {
  await waitUntil('the last connections are a second ago', async () => {
    const rows = await Promise.all(sockets.map((socket) => table(socket, CLEARED)));
    return rows.flat().every((row) => / rate=0? /.test(row));
  });
  for (const command of ['clear counters', 'clear counters all', 'clear counters other']) {
    const before = await Promise.all(sockets.map((socket) => table(socket)));
    const [theirs, ours] = await Promise.all(sockets.map((socket) => askSocket(socket, command)));
    assert.equal(ours, theirs, command);
    const after = await Promise.all(sockets.map((socket) => table(socket)));
    const kept = command !== 'clear counters all';
    if (kept) assert.deepEqual(after, before, command);
    const [left, right] = await Promise.all(sockets.map((socket) => table(socket, CLEARED)));
    // Times are those of each side.
    const plain = (rows: readonly string[] = []) =>
      kept ? rows.map((row) => row.replace(/ (lastsess|ctime|ttime_max)=-?\d+/g, '')) : rows;
    assert.deepEqual(plain(right), plain(left), command);
    assert.ok(
      right?.every((row) => / smax=0? /.test(row)),
      command,
    );
    if (!kept)
      assert.ok(
        right?.every((row) => / stot=0 /.test(row)),
        command,
      );
  }
}

const NAMES = `frontend names
  bind 127.0.0.1:%names%
  acl inside src 127.0.0.0/28 127.0.1.1
  acl word req.ssl_sni -m sub word
  acl word req_ssl_sni -m beg Front.
  acl low dst_port lt 1024
  tcp-request inspect-delay ${DELAY_MS}ms
  tcp-request content reject if { src 127.0.0.66 }
  tcp-request content accept if { req_ssl_hello_type 1 }
  tcp-request content reject
  use_backend A if { req_ssl_sni -i a.test Alias.test }
  use_backend B if { req.ssl_sni -i -m end .b.test }
  use_backend B if { req.ssl_sni,lower -m dom deep.er } inside
  use_backend nobody if low or { dst_port 0 }
  use_backend A if word !inside or { req.ssl_sni -m found } { nbsrv(nobody) gt 0 }
  use_backend B unless { req_ssl_sni -m found }
  default_backend C
listen servers
  bind 127.0.0.1:%servers%
  acl dead nbsrv(nobody) lt 1
  tcp-request inspect-delay ${DELAY_MS}ms
  tcp-request content accept if { req_len gt 2 } { dst 127.0.0.1 }
  tcp-request content reject
  use_backend B if dead { src 127.0.0.2 } || { nbsrv 5: }
  server own 127.0.0.1:9 disabled
  use_backend A if { always_true } LOCALHOST
`;

const at = (frontend: string, from: string, ...says: readonly Buffer[]): Client => ({
  frontend,
  from,
  says,
});
const named = (name: string | null, from = '127.0.0.1'): Client => at('names', from, hello(name));
const split = hello('a.test');

const NAMED_CLIENTS: readonly (readonly [Client, Outcome])[] = [
  [named('a.test'), 'A'],
  [named('ALIAS.TEST'), 'A'],
  [named('xa.test'), 'C'],
  [named('one.B.test'), 'B'],
  [named('b.test'), 'C'],
  [named('a.b.test.x'), 'C'],
  [named('very.DEEP.er.org'), 'B'],
  [named('very.DEEP.er.org', '127.0.0.17'), 'C'],
  [named('a-word-there', '127.0.0.17'), 'A'],
  [named('a-word-there'), 'C'],
  [named('Front.x', '127.0.1.2'), 'A'],
  [named('front.x', '127.0.1.2'), 'C'],
  [named(null), 'B'],
  // Who is turned away at once has not said anything yet, or has: nobody knows.
  [at('names', '127.0.0.66'), 'end'],
  [at('names', '127.0.0.1', split.subarray(0, 3), split.subarray(3, 90), split.subarray(90)), 'A'],
  [at('names', '127.0.0.1', Buffer.from('GET / HTTP/1.0\r\n\r\n')), 'end'],
  [at('names', '127.0.0.1', tlsRecord(22, Buffer.from('\x02\0\0\x02ab', 'latin1'))), 'end'],
  // Nothing, for as long as rules wait.
  [at('names', '127.0.0.1'), 'end'],
  [at('names', '127.0.0.1', split.subarray(0, 100)), 'end'],
  [{ ...named('a.test'), ends: true }, 'A'],
  [{ frontend: 'names', from: '127.0.0.1', says: [], ends: true }, 'end'],
  [at('servers', '127.0.0.2', Buffer.from('x'), Buffer.from('yz')), 'B'],
  [at('servers', '127.0.0.3', Buffer.from('xyz')), 'A'],
  [{ frontend: 'servers', from: '127.0.0.3', says: [Buffer.from('xy')], ends: true }, 'end'],
];

test('ACLs over names, addresses and servers decide as in HAProxy', TIMEOUT, async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const pair = await startPair(t, NAMES);
  await assertSameOutcomes(pair, NAMED_CLIENTS);
  await assertSameTables(pair);
});

const SOURCES = `frontend early
  bind 127.0.0.1:%early%
  tcp-request connection accept if { src 127.0.0.2 }
  tcp-request connection reject unless { src 127.0.0.0/28 }
  tcp-request session reject if { src 127.0.0.3 }
  default_backend A
frontend counted
  bind 127.0.0.1:%counted%
  stick-table type ip size 1k expire 10m store conn_cur,conn_rate(10m),conn_cnt
  tcp-request connection reject if { src_conn_cur ge 2 } { src 127.0.0.9 }
  tcp-request connection track-sc0 src
  tcp-request connection reject if { sc0_conn_cur gt 2 } !{ src 127.0.0.8 }
  tcp-request connection reject if { sc_conn_rate(0) gt 4 } or { sc0_conn_cnt gt 100 }
  default_backend B
frontend elsewhere
  bind 127.0.0.1:%elsewhere%
  tcp-request content track-sc1 src table ledger if { src 127.0.0.0/8 }
  tcp-request content reject if { sc1_conn_cur gt 1 } or { src_conn_rate(ledger) gt 3 }
  default_backend led
backend led
  tcp-request content reject if { src 127.0.0.7 }
  server C 127.0.0.1:%serverC% check inter 100ms
  server down 127.0.0.1:1 check inter 100ms
backend ledger
  stick-table type ip size 100 expire 10m store conn_cur,conn_rate(10m)
`;

const one = (frontend: string, from: string): Client => ({
  frontend,
  from,
  says: [Buffer.from('x')],
});

/** A client that stays, and how it ends. */
async function hold(port: number, from: string): Promise<() => Promise<void>> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => {});
  socket.write('x');
  await new Promise((resolve) => socket.once('data', resolve));
  return () =>
    new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
    });
}

test('connections, sessions and sources are turned away as by HAProxy', TIMEOUT, async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const pair = await startPair(t, SOURCES);
  await assertSameOutcomes(pair, [
    [one('early', '127.0.0.1'), 'A'],
    [one('early', '127.0.0.2'), 'A'],
    // A word of its would have the kernel make a reset of the end.
    [{ frontend: 'early', from: '127.0.0.3', says: [] }, 'end'],
    [one('early', '127.0.0.17'), 'reset'],
  ]);
  for (const known of pair.ports) {
    for (const [frontend, from, most] of [
      ['counted', '127.0.0.1', 2],
      ['counted', '127.0.0.9', 2],
      ['elsewhere', '127.0.0.1', 1],
    ] as const) {
      const ends = [];
      for (let count = 0; count < most; count++) ends.push(await hold(known[frontend] ?? 0, from));
      const over = await meet(known[frontend] ?? 0, { frontend, from, says: [] });
      assert.equal(over, frontend === 'counted' ? 'reset' : 'end', `${frontend} ${from}`);
      await ends[0]?.();
      // Its end has to be noticed there, too.
      await waitUntil(`room for ${from}`, async () => {
        const rows = await table(pair.sockets[pair.ports.indexOf(known)] ?? '');
        return rows.some((row) =>
          row.includes(`pxname=${frontend} svname=FRONTEND scur=${most - 1} `),
        );
      });
      const again = await meet(known[frontend] ?? 0, one(frontend, from));
      assert.equal(again, frontend === 'counted' ? 'B' : 'C', `${frontend} ${from} again`);
      for (const end of ends.slice(1)) await end();
    }
    const rated: Outcome[] = [];
    for (let count = 0; count < 6; count++) {
      rated.push(await meet(known.counted ?? 0, one('counted', '127.0.0.8')));
    }
    assert.deepEqual(rated, ['B', 'B', 'B', 'B', 'reset', 'reset']);
    assert.equal(
      await meet(known.elsewhere ?? 0, { frontend: 'elsewhere', from: '127.0.0.7', says: [] }),
      'end',
    );
  }
  await assertSameTables(pair);
  await assertClearedAlike(pair);
});
