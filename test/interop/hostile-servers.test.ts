/**
 * Servers that send without end, to clients that do not read and to checks, and those that speak first: one
 * balancer has them all, its memory stays where it is, and nobody else notices.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import { dial, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { residentOf } from '../kit/process-figures.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const CHECK_MS_MAX = 1000;
/** A check that gave up is told of when the balancer's main thread comes to it. */
const CHECK_LATE_MS = 500;
const GREETING = '220 speaks first\r\n';
const SILENT_CLIENTS = 8;
/** What one check takes off an endless server: what it reads, and the buffers of both kernels' ends. */
const CHECK_BYTES_MAX = 24 << 20;
/** Memory that comes and goes in a JavaScript process whatever it carries. */
const NOISE_BYTES = 48 << 20;
const CHECKS = 5;

const HEAD = 'HTTP/1.1 200 OK\r\n';
const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
const EXPECTING = 'option httpchk GET /readyz\n http-check expect string nowhere';
const ASKING = 'option httpchk GET /readyz';

type Hostile = {
  /** Lines of its backend, and keywords of its server. */
  readonly lines: string;
  readonly keywords?: string;
  /** It says this, and then the rest without end. */
  readonly head: string;
  readonly rest: string;
  /** As fast as it is taken, or a byte a second. */
  readonly pace: 'flood' | 'trickle';
  readonly expected: string;
};

const HOSTILE: Readonly<Record<string, Hostile>> = {
  headers: { lines: ASKING, head: HEAD, rest: 'X-Y: zzz\r\n', pace: 'flood', expected: 'L7RSP' },
  line: { lines: ASKING, head: 'HTTP/1.1 200 ', rest: 'x', pace: 'flood', expected: 'L7RSP' },
  hints: { lines: ASKING, head: EARLY, rest: EARLY, pace: 'flood', expected: 'L7RSP' },
  body: { lines: EXPECTING, head: `${HEAD}\r\n`, rest: 'x', pace: 'flood', expected: 'L7RSP' },
  'hinted-body': {
    lines: EXPECTING,
    head: `${EARLY}${HEAD}\r\n`,
    rest: 'x',
    pace: 'flood',
    expected: 'L7RSP',
  },
  chunks: { lines: EXPECTING, head: CHUNKED, rest: '1\r\nx\r\n', pace: 'flood', expected: 'L7RSP' },
  // Nobody asked what is in it: the status is the answer, as for HAProxy.
  'unread-body': { lines: ASKING, head: `${HEAD}\r\n`, rest: 'x', pace: 'flood', expected: 'L7OK' },
  'slow-headers': { lines: ASKING, head: '', rest: HEAD, pace: 'trickle', expected: 'L7TOUT' },
  'slow-body': {
    lines: EXPECTING,
    head: `${HEAD}\r\n`,
    rest: 'x',
    pace: 'trickle',
    expected: 'L7TOUT',
  },
  tls: {
    lines: '',
    keywords: 'check-ssl verify none',
    head: '',
    rest: 'x',
    pace: 'flood',
    expected: 'L6RSP',
  },
  'slow-tls': {
    lines: '',
    keywords: 'check-ssl verify none',
    head: '',
    rest: '\x16\x03\x03\x40\x00\x02',
    pace: 'trickle',
    expected: 'L6TOUT',
  },
  // A connection that opens is all that is asked.
  tcp: { lines: '', head: '', rest: 'x', pace: 'flood', expected: 'L4OK' },
};

/** What it has seen of checks. */
type Seen = { readonly port: number; connections: number; mostBytes: number };

/**
 * Writes one piece after the other, each when the kernel has taken the one before; one in a turn of the event loop,
 * as a peer that reads quickly would have it never end.
 */
function flood(socket: Socket, piece: Buffer): void {
  const write = (): void => {
    if (!socket.destroyed) socket.write(piece, () => setImmediate(write));
  };
  write();
}

/** A byte a second, for ever. */
function trickle(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(bytes.subarray(at, at + 1));
    at = (at + 1) % bytes.length;
  }, 1000);
  socket.once('close', () => clearInterval(timer));
}

async function startHostile(t: TestContext, { head, rest, pace }: Hostile): Promise<Seen> {
  const unit = Buffer.from(rest, 'latin1');
  const piece = Buffer.alloc(unit.length * Math.ceil(65_536 / unit.length), unit);
  const { port } = await startServer(t, (socket) => {
    seen.connections += 1;
    socket.once('close', () => {
      seen.mostBytes = Math.max(seen.mostBytes, socket.bytesWritten);
    });
    socket.resume();
    if (head !== '') socket.write(head, 'latin1');
    if (pace === 'flood') flood(socket, piece);
    else trickle(socket, unit);
  });
  const seen = { port, connections: 0, mostBytes: 0 };
  return seen;
}

/** Greets; then sends everything back, or, where "flood" is asked for, without end. */
async function startSpeaker(t: TestContext): Promise<number> {
  const piece = Buffer.alloc(65_536, 'x');
  const { port } = await startServer(t, (socket) => {
    socket.write(GREETING);
    socket.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1') === 'flood') flood(socket, piece);
      else socket.write(chunk);
    });
  });
  return port;
}

async function startWell(t: TestContext): Promise<number> {
  const { port } = await startServer(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  return port;
}

/** evergate.yaml's balancer with its defaults, before a server that speaks first. */
function nativeBalancer(port: number): BalancerConfig {
  const { config, diagnostics } = parseNative(
    'evergate.yaml',
    `listen: 127.0.0.1:8443
nodes:
  here: 127.0.0.1
servers:
  speaker: "127.0.0.1:${port}"
check: { type: tcp, interval: 100ms }
`,
    {
      hostName: null,
      localAddresses: [{ interface: 'lo', address: '127.0.0.1', prefixLength: 8 }],
      node: null,
      canRedirect: true,
      fileExists: () => false,
      groupExists: () => false,
      mustBeNode: true,
    },
  );
  assert.ok(config?.balancer, JSON.stringify(diagnostics));
  return config.balancer;
}

function hostileBackends(seen: ReadonlyMap<string, Seen>, wellPort: number) {
  const backend = (name: string, port: number, lines: string, keywords = ''): string =>
    `backend ${name}\n ${lines}\n server s 127.0.0.1:${port} check inter 500ms ${keywords}\n`;
  const backends = [...seen].map(([name, { port }]) =>
    backend(name, port, HOSTILE[name]?.lines ?? '', HOSTILE[name]?.keywords),
  );
  const { config, diagnostics } = parseHaproxy(
    'haproxy.cfg',
    `defaults
 mode tcp
 timeout connect 5s
 timeout client 5s
 timeout server 5s
 timeout check ${CHECK_MS_MAX}ms
frontend f
 bind 127.0.0.1:1
 default_backend well
${backend('well', wellPort, ASKING)}${backends.join('')}`,
    {},
  );
  assert.ok(config !== null, JSON.stringify(diagnostics));
  return config.backends;
}

type Found = { readonly status: string; readonly durationMs: number };

/** By backend, what its check found last. */
async function checksOf(socket: string): Promise<ReadonlyMap<string, Found>> {
  const client = createConnection(socket);
  client.end('show stat -1 4 -1\n');
  const [header = '', ...lines] = (await text(client)).trim().split('\n');
  const columns = header.slice(2).split(',');
  return new Map(
    lines.map((line) => {
      const cells = line.split(',');
      const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
      const found = { status: cell('check_status'), durationMs: Number(cell('check_duration')) };
      return [cell('pxname'), found];
    }),
  );
}

async function startAll(t: TestContext) {
  const seen = new Map<string, Seen>();
  for (const [name, hostile] of Object.entries(HOSTILE)) {
    seen.set(name, await startHostile(t, hostile));
  }
  const native = nativeBalancer(await startSpeaker(t));
  const backends = [...native.backends, ...hostileBackends(seen, await startWell(t))];
  const statsSockets = [{ path: '', mode: null, user: null, group: null, level: 'admin' }] as const;
  const process = { ...native.process, user: null, group: null, relays: 1, statsSockets };
  const balancer = await startBalancer(t, { ...native, process, backends });
  const call = () => dial(t, balancer.ports['kube-apiserver'] ?? 0);
  return { balancer, seen, call };
}

test('servers that send without end cost a bounded share, and those that speak first are heard', async (t) => {
  const { balancer, seen, call } = await startAll(t);
  const admin = balancer.sockets.admin ?? '';

  await t.test('a greeting reaches a client that says nothing', async () => {
    const client = await call();
    assert.equal((await readBytes(client, GREETING.length)).toString(), GREETING);
    client.write('hello');
    assert.equal((await readBytes(client, 5)).toString(), 'hello');
  });

  await t.test('each check ends in its time, as what it is', async (t) => {
    await judged(t, async (attempt) => {
      const from = [...seen.values()].map(({ connections }) => connections);
      await waitUntil('every server was checked some times', () =>
        [...seen.values()].every(
          ({ connections }, index) => connections >= (from[index] ?? 0) + CHECKS,
        ),
      );
      const found = await checksOf(admin);
      const well = found.get('well')?.status;
      attempt.holds(well === 'L7OK', `the server that is well: ${well}`);
      for (const name of seen.keys()) {
        const { status, durationMs } = found.get(name) ?? { status: 'none', durationMs: 0 };
        const { expected = '' } = HOSTILE[name] ?? {};
        attempt.holds(status === expected, `${name}: ${status} instead of ${expected}`);
        attempt.atMost(durationMs, CHECK_MS_MAX + CHECK_LATE_MS, `the check of ${name}`);
      }
    });
    const most = Math.max(...[...seen.values()].map(({ mostBytes }) => mostBytes));
    t.diagnostic(`a check takes ${(most / 2 ** 20).toFixed(1)} MiB off an endless server at most`);
    for (const [name, { mostBytes }] of seen) {
      assert.ok(mostBytes <= CHECK_BYTES_MAX, `${name}: ${mostBytes} bytes in one check`);
    }
  });

  await t.test('clients that do not read, and checks: memory stays, others go on', async (t) => {
    const other = await call();
    await readBytes(other, GREETING.length);
    const before = residentOf(balancer.pid);
    const silent = await Promise.all(Array.from({ length: SILENT_CLIENTS }, call));
    for (const client of silent) client.write('flood');
    const from = [...seen.values()].map(({ connections }) => connections);
    let most = before;
    let turns = 0;
    await waitUntil('every server was checked again', async () => {
      other.write('still there');
      assert.equal((await readBytes(other, 11)).toString(), 'still there');
      turns += 1;
      most = Math.max(most, residentOf(balancer.pid));
      return [...seen.values()].every(
        ({ connections }, index) => connections >= (from[index] ?? 0) + CHECKS,
      );
    });
    t.diagnostic(`memory grew by ${((most - before) / 2 ** 20).toFixed(1)} MiB at most`);
    assert.ok(most - before <= NOISE_BYTES, `memory grew by ${most - before} bytes`);
    assert.ok(turns > 1);
    await waitUntil('the server that is well is found so', async () => {
      return (await checksOf(admin)).get('well')?.status === 'L7OK';
    });
    // Held back, not stuck.
    const [late] = silent;
    assert.ok(late);
    await readBytes(late, 4 << 20);
    const closed = once(late, 'close');
    late.destroy();
    await closed;
  });
});
