/** The same configuration through the real HAProxy and through us: the tables must have the same shape. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { testConfig } from '../../src/balancer/fixture.ts';
import { type RunningBalancer, startBalancer } from '../kit/balancer.ts';
import { comparedServers } from '../kit/compared-servers.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const run = promisify(execFile);
type Pair = {
  readonly ours: RunningBalancer;
  /** Path of HAProxy's socket. */
  readonly theirs: string;
  readonly theirPage: number;
};

/** One up, one down, one disabled, one unchecked server, and the article's stats page. */
async function startPair(t: TestContext): Promise<Pair> {
  const { backend, text } = await comparedServers(t);
  const base = testConfig();
  const ours = await startBalancer(t, {
    ...base,
    process: { ...base.process, statsSockets: [ADMIN_SOCKET] },
    backends: [backend],
  });
  const theirs = join(ours.folder, 'haproxy.sock');
  const page = await freePort();
  startHaproxy(
    t,
    ours.folder,
    `global
  maxconn 4000
  stats socket ${theirs} mode 600 level admin
${text}listen stats
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
  const settled = (text: string): boolean => /,up,.*,L4OK,/.test(text) && /,L4CON,/.test(text);
  for (const path of [theirs, ours.sockets.admin ?? '']) {
    await waitUntil(
      `the checks behind ${path}`,
      async () => settled(await askSocket(path, 'show stat').catch(() => '')),
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
      const mine = row[column] ?? '';
      const their = other[column] ?? '';
      // Present or absent, number or word: the same, always.
      assert.equal(kindOf(mine), kindOf(their), `${place}: "${mine}" for "${their}"`);
      if (!VOLATILE.has(name)) assert.equal(mine, their, place);
    }
  }
}

/**
 * HAProxy's table once no check is under way: a star is before the result of the last then (management.txt 9.1,
 * check_status), and what it said is forgotten.
 */
async function atRest(ask: () => Promise<string>): Promise<string> {
  return await waitUntil('no check of HAProxy is under way', async () => {
    const table = await ask();
    return /,\* [A-Z]/.test(table) ? null : table;
  });
}

function kindOf(cell: string): string {
  if (cell === '') return 'nothing';
  return /^-?\d+$/.test(cell) ? 'number' : 'text';
}

/** Commands of the runtime socket, and mistakes in them. */
const COMMANDS = [
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

/** What the page's form sends, and what no browser would. */
const FORMS = [
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

test("tables and answers are HAProxy 2.6's", async (t) => {
  const reason = whyNoHaproxy('socat', 'curl');
  if (reason !== null) return t.skip(reason);
  const { ours, theirs, theirPage } = await startPair(t);
  const socket = ours.sockets.admin ?? '';

  await t.test('show stat', async () => {
    const ask = async (path: string): Promise<string> => {
      const text = await askSocket(path, 'show stat');
      assert.ok(text.endsWith('\n\n'));
      return text.trimEnd();
    };
    assertSameTable(await ask(socket), await atRest(() => ask(theirs)));
  });

  await t.test(';csv over HTTP', async () => {
    const fetchCsv = async (port: number | undefined): Promise<string> => {
      const url = `http://127.0.0.1:${port}/haproxyadmin?stats;csv`;
      return (await run('curl', ['-s', '-u', 'admin:admin', url])).stdout;
    };
    const theirs = await atRest(() => fetchCsv(theirPage));
    assertSameTable(await fetchCsv(ours.ports.stats), theirs);
  });

  await t.test('show info', async () => {
    const keys = (text: string): (string | undefined)[] =>
      text.split('\n').map((line) => line.split(':')[0]);
    const [mine, their] = [
      await askSocket(socket, 'show info'),
      await askSocket(theirs, 'show info'),
    ];
    assert.deepEqual(keys(mine), keys(their));
    const kinds = (text: string): string[] =>
      text.split('\n').map((line) => kindOf(line.split(': ')[1] ?? ''));
    assert.deepEqual(kinds(mine), kinds(their));
  });

  await t.test('show servers state', async () => {
    const state = async (path: string): Promise<string[][]> =>
      (await askSocket(path, 'show servers state')).split('\n').map((line) => line.split(' '));
    // While a check is under way its result is unknown and its state odd (management.txt 9.3, srv_check_state).
    const stateAtRest = async (path: string): Promise<string[][]> =>
      await waitUntil(`no check is under way behind ${path}`, async () => {
        const rows = await state(path);
        return rows.some((row) => Number(row[13]) % 2 === 1) ? null : rows;
      });
    // The tenth column is the age of the state.
    const ageless = (rows: string[][]): string[][] => rows.map((row) => row.toSpliced(9, 1));
    assert.deepEqual(ageless(await stateAtRest(socket)), ageless(await stateAtRest(theirs)));
  });

  await t.test('commands and mistakes', async () => {
    for (const command of COMMANDS) {
      assert.equal(await askSocket(socket, command), await askSocket(theirs, command), command);
    }
  });

  await t.test("the page's forms", async () => {
    const post = async (port: number | undefined, body: string): Promise<string> => {
      const url = `http://127.0.0.1:${port}/haproxyadmin?stats`;
      const form = ['-s', '-o', '/dev/null', '-w', '%{http_code} %header{location}', '-d', body];
      return (await run('curl', [...form, '-u', 'admin:admin', url])).stdout;
    };
    for (const form of FORMS) {
      const label = form.slice(0, 60);
      assert.equal(await post(ours.ports.stats, form), await post(theirPage, form), label);
    }
  });
});
