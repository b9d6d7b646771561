/** The same configuration through the real HAProxy and through us: the tables must have the same shape. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type { CheckConfig } from '../../src/config/model/checks.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import { type RunningBalancer, startBalancer } from '../kit/balancer.ts';
import { freePort, openPort, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const CHECK: CheckConfig = {
  kind: 'tcp',
  host: null,
  port: null,
  intervalMs: 200,
  fastIntervalMs: 200,
  downIntervalMs: 200,
  rise: 2,
  fall: 2,
  connectTimeoutMs: 200,
  responseTimeoutMs: null,
  passive: null,
};

const run = promisify(execFile);
const ask = async (path: string, command: string): Promise<string> =>
  (await run('sh', ['-c', `echo '${command}' | socat -t5 - '${path}'`])).stdout;

type Pair = {
  readonly ours: RunningBalancer;
  /** Path of HAProxy's socket. */
  readonly theirs: string;
  readonly theirPage: number;
};

/** One up, one down, one disabled, one unchecked server, and the article's stats page. */
async function startPair(t: TestContext): Promise<Pair> {
  const up = await openPort(t);
  const down = await freePort();
  const base = testConfig();
  const config: BalancerConfig = {
    ...base,
    process: {
      ...base.process,
      statsSockets: [{ path: '', mode: null, user: null, group: null, level: 'admin' }],
    },
    backends: [
      testBackend({
        balance: { kind: 'roundrobin' },
        servers: [
          testServer('up', { port: up, check: CHECK }),
          testServer('down', { port: down, check: CHECK }),
          testServer('off', { port: up, check: CHECK, disabled: true }),
          testServer('plain', { port: up, check: null, weight: 3, backup: true }),
        ],
      }),
    ],
  };
  const ours = await startBalancer(t, config);
  const theirs = join(ours.folder, 'haproxy.sock');
  const [page, front] = [await freePort(), await freePort()];
  const file = join(ours.folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 4000
  stats socket ${theirs} mode 600 level admin
defaults
  mode tcp
  timeout connect 10s
  timeout client 1m
  timeout server 1m
  maxconn 3000
frontend kube-api
  bind 127.0.0.1:${front}
  default_backend kube-master
backend kube-master
  balance roundrobin
  server up 127.0.0.1:${up} check inter 200 fall 2
  server down 127.0.0.1:${down} check inter 200 fall 2
  server off 127.0.0.1:${up} check inter 200 fall 2 disabled
  server plain 127.0.0.1:${up} weight 3 backup
listen stats
  mode http
  bind 127.0.0.1:${page}
  stats enable
  stats hide-version
  stats uri /haproxyadmin?stats
  stats realm Haproxy\\ Statistics
  stats auth admin:admin
  stats admin if TRUE
`,
  );
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));
  const settled = (text: string): boolean => /,up,.*,L4OK,/.test(text) && /,L4CON,/.test(text);
  for (const path of [theirs, ours.sockets.admin ?? '']) {
    await waitUntil(
      `the checks behind ${path}`,
      async () => settled(await ask(path, 'show stat').catch(() => '')),
      100,
    );
  }
  return { ours, theirs, theirPage: page };
}

const rowsOf = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));

/** Values that depend on time or on how often a page was fetched. */
const VOLATILE: ReadonlySet<string> = new Set(
  `scur smax stot bin bout rate rate_max lastchg downtime check_duration req_rate req_rate_max
   req_tot hrsp_2xx hrsp_4xx conn_rate conn_rate_max conn_tot intercepted lastsess chkfail
   h1_open_connections h1_open_streams h1_total_connections h1_total_streams h1_bytes_in
   h1_bytes_out h2_open_connections need_conn_est`.split(/\s+/),
);

function assertSameTable(ours: string, theirs: string): void {
  const [ourHeader = [], ...ourRows] = rowsOf(ours);
  const [theirHeader = [], ...theirRows] = rowsOf(theirs);
  assert.deepEqual(ourHeader, theirHeader);
  assert.deepEqual(
    ourRows.map(([proxy, name]) => `${proxy}/${name}`),
    theirRows.map(([proxy, name]) => `${proxy}/${name}`),
  );
  for (const [index, row] of ourRows.entries()) {
    assert.equal(row.length, ourHeader.length);
    const other = theirRows[index] ?? [];
    for (const [column, name] of ourHeader.entries()) {
      const place = `${row[0]}/${row[1]} ${name}`;
      const [mine = '', their = ''] = [row[column], other[column]];
      // Present or absent, number or word: the same, always.
      assert.equal(kindOf(mine), kindOf(their), `${place}: "${mine}" for "${their}"`);
      if (!VOLATILE.has(name)) assert.equal(mine, their, place);
    }
  }
}

function kindOf(cell: string): string {
  if (cell === '') return 'nothing';
  return /^-?\d+$/.test(cell) ? 'number' : 'text';
}

test("tables and answers are HAProxy 2.6's", async (t) => {
  const reason = whyNoHaproxy('socat', 'curl');
  if (reason !== null) return t.skip(reason);
  const { ours, theirs, theirPage } = await startPair(t);
  const socket = ours.sockets.admin ?? '';

  await t.test('show stat', async () => {
    const [mine, their] = [await ask(socket, 'show stat'), await ask(theirs, 'show stat')];
    assertSameTable(mine.trimEnd(), their.trimEnd());
    assert.ok(mine.endsWith('\n\n') && their.endsWith('\n\n'));
  });

  await t.test(';csv over HTTP', async () => {
    const fetchCsv = async (port: number | undefined): Promise<string> => {
      const url = `http://127.0.0.1:${port}/haproxyadmin?stats;csv`;
      return (await run('curl', ['-s', '-u', 'admin:admin', url])).stdout;
    };
    assertSameTable(await fetchCsv(ours.ports.stats), await fetchCsv(theirPage));
  });

  await t.test('show info', async () => {
    const keys = (text: string): (string | undefined)[] =>
      text.split('\n').map((line) => line.split(':')[0]);
    const [mine, their] = [await ask(socket, 'show info'), await ask(theirs, 'show info')];
    assert.deepEqual(keys(mine), keys(their));
    const kinds = (text: string): string[] =>
      text.split('\n').map((line) => kindOf(line.split(': ')[1] ?? ''));
    assert.deepEqual(kinds(mine), kinds(their));
  });

  await t.test('show servers state', async () => {
    const state = async (path: string): Promise<string[][]> =>
      (await ask(path, 'show servers state'))
        .split('\n')
        // The tenth column is the age of the state.
        .map((line) => line.split(' ').toSpliced(9, 1));
    assert.deepEqual(await state(socket), await state(theirs));
  });

  await t.test('commands and mistakes', async () => {
    const commands = [
      'set server kube-master/up state drain',
      'set server kube-master/up state ready',
      'set server kube-master/up state nonsense',
      'set server kube-master/nope state ready',
      'set server nope/up state ready',
      'set server kube-master/up weight 300',
      'set server kube-master/up weight 7',
      'get weight kube-master/up',
      'set server kube-master/up weight 100%',
      'set server',
      'disable server kube-master/up',
      'enable server kube-master/up',
      'enable server kube-master',
      'set timeout cli 60',
      'set timeout cli x',
      'show cli level',
      'show servers state nope',
      'show backend',
      'show table',
    ];
    for (const command of commands) {
      assert.equal(await ask(socket, command), await ask(theirs, command), command);
    }
  });

  await t.test("the page's forms", async () => {
    const post = async (port: number | undefined, body: string): Promise<string> => {
      const url = `http://127.0.0.1:${port}/haproxyadmin?stats`;
      const form = ['-s', '-o', '/dev/null', '-w', '%{http_code} %header{location}', '-d', body];
      return (await run('curl', [...form, '-u', 'admin:admin', url])).stdout;
    };
    const forms = [
      's=up&action=maint&b=%233',
      's=up&action=ready&b=%233',
      's=up&s=down&action=drain&b=kube-master',
      's=up&s=nope&action=ready&b=kube-master',
      's=nope&action=ready&b=%233',
      's=up&action=nonsense&b=%233',
      's=up&b=%233',
      'action=ready&b=%233',
      's=up&action=ready&b=%2399',
      `${'s=up&'.repeat(4000)}action=ready&b=%233`,
      '',
    ];
    for (const form of forms) {
      const label = form.slice(0, 60);
      assert.equal(await post(ours.ports.stats, form), await post(theirPage, form), label);
    }
  });
});
