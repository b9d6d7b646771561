import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKEND, FRONTEND, SERVER } from './catalogue.ts';
import { noCounts } from './counts.ts';
import { TEST_INFO } from './fixture.ts';
import { type PageOptions, statsPage } from './html.ts';
import type { ProcessInfo } from './info.ts';
import type { BackendRow, FrontendRow, ServerRow } from './rows.ts';

const info: ProcessInfo = { ...TEST_INFO, node: 'node<1>', bytesOutRate: 10_000 };

const traffic = {
  proxyId: 3,
  mode: 'tcp',
  now: 5000,
  rate: 6,
  rateMax: 7,
} as const;
const condition = {
  weight: 1,
  lastChangeS: 75,
  downtimeS: 0,
  downTransitions: 0,
};
const frontend: FrontendRow = {
  ...traffic,
  kind: 'frontend',
  counts: { ...noCounts(FRONTEND), sessionsTotal: 1_234_567 },
  connectionRate: 6,
  connectionRateMax: 7,
  proxy: 'kube-api',
  proxyId: 2,
  limit: 3000,
  http: null,
};
const server: ServerRow = {
  ...traffic,
  ...condition,
  kind: 'server',
  counts: { ...noCounts(SERVER), sessionsTotal: 1_234_567 },
  proxy: 'kube-master',
  server: 'm1',
  serverId: 1,
  address: '127.0.0.1:6443',
  limit: null,
  backup: false,
  state: 'down',
  status: 'DOWN',
  certificate: null,
  queueLimit: null,
  configuredWeight: 1,
  check: {
    failed: 1,
    running: true,
    status: 'L4CON',
    description: 'Layer4 connection problem',
    info: 'Connection refused',
    durationMs: 0.2,
    rise: 2,
    fall: 2,
    health: 0,
  },
};
const backend: BackendRow = {
  ...traffic,
  ...condition,
  kind: 'backend',
  counts: { ...noCounts(BACKEND), sessionsTotal: 1_234_567 },
  serverCounts: noCounts(SERVER),
  proxy: 'kube-master',
  limit: 300,
  algorithm: 'source',
  up: false,
  usableActive: 0,
  usableBackup: 0,
  servers: 1,
  http: null,
};
const options: PageOptions = {
  uri: '/stats?a&b',
  request: { format: 'html', noRefresh: false, upOnly: false, scope: '', action: null },
  hideVersion: false,
  showNode: true,
  refreshes: true,
  admin: true,
};

/** Cells of a row, each as often as it spans. */
function width(row: string): number {
  let cells = 0;
  for (const [cell] of row.matchAll(/<t[dh]\b[^>]*>/g)) {
    cells += Number(/colspan="(\d+)"/.exec(cell)?.[1] ?? 1);
  }
  return cells;
}

for (const admin of [true, false]) {
  test(`every row is as wide as the table's head (${admin ? 'with' : 'without'} forms)`, () => {
    const rows = [frontend, server, { ...server, check: null }, backend];
    const page = statsPage(rows, info, { ...options, admin });
    for (const [, head = '', body = ''] of page.matchAll(
      /<thead>([\s\S]*?)<\/thead>\s*<tbody>([\s\S]*?)<\/tbody>/g,
    )) {
      const wanted = width(head.slice(0, head.indexOf('</tr>')));
      for (const row of body.split('</tr>').slice(0, -1)) assert.equal(width(row), wanted, row);
    }
    assert.equal(page.includes('<form'), admin);
  });
}

test('it tells what scrapers look for', () => {
  const page = statsPage([frontend, server, backend], info, options);
  assert.match(page, /HAProxy version 2\.6\.12-0\.1\.0, released 2026\/11\/23/);
  assert.match(page, /uptime = <\/b>0d 0h01m05s/);
  assert.match(page, /bit rate = <\/b>80\.000 kbps/);
  assert.match(page, /<tr class="down">/);
  assert.match(page, /1m15s DOWN/);
  assert.match(page, /title="Layer4 connection problem: Connection refused">L4CON in 0ms/);
  assert.doesNotMatch(statsPage([], info, { ...options, hideVersion: true }), /2\.6\.12|released/);
});

test('the version has room in the head of hatop, and a page that is not read again has no switch for that', () => {
  // From its third to its 55th column; then comes the pid.
  const line = `HAProxy Version: ${info.version}  (released: ${info.releaseDate})`;
  assert.ok(line.length <= 53, line);
  assert.match(statsPage([], info, options), /Disable refresh/);
  assert.doesNotMatch(statsPage([], info, { ...options, refreshes: false }), /able refresh/);
});

test('the code of an HTTP answer stands behind the status', () => {
  assert.ok(server.check !== null);
  const check = { ...server.check, status: 'L7STS', code: 500, info: 'Oh' } as const;
  assert.match(statsPage([{ ...server, check }], info, options), />L7STS\/500 in 0ms/);
});

test('what comes from outside is escaped', () => {
  const page = statsPage([{ ...server, server: '"><script>' }], info, options);
  assert.ok(!page.includes('<script>'));
  assert.ok(page.includes('node&lt;1&gt;'));
  assert.ok(page.includes('href="/stats?a&amp;b;up"'));
});
