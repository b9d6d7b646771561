import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SERVER } from './catalogue.ts';
import { noCounts } from './counts.ts';
import { CSV_COLUMNS, CSV_HEADER, csvLine, csvTable } from './csv.ts';
import type { ServerRow } from './rows.ts';

const server: ServerRow = {
  kind: 'server',
  proxy: 'b',
  proxyId: 3,
  mode: 'tcp',
  server: 's1',
  serverId: 1,
  address: '127.0.0.1:6443',
  limit: null,
  backup: false,
  state: 'up',
  status: 'UP',
  certificate: null,
  queueLimit: null,
  configuredWeight: 1,
  check: {
    failed: 4,
    running: true,
    status: 'L4OK',
    description: 'Layer4 check passed',
    info: '',
    durationMs: 0.3,
    rise: 2,
    fall: 3,
    health: 4,
  },
  now: 20_000,
  counts: {
    ...noCounts(SERVER),
    sessionsCurrent: 1,
    sessionsMax: 2,
    sessionsTotal: 3,
    bytesIn: 4,
    bytesOut: 5,
    connectErrors: 8,
    retries: 9,
    redispatches: 10,
    clientAborts: 11,
    serverAborts: 12,
    lastSessionMs: 6500,
    connectTimeTotalMs: 43,
    connectTimeMaxMs: 15,
    sessionTimeTotalMs: 48,
    sessionTimeMaxMs: 17,
  },
  rate: 6,
  rateMax: 7,
  weight: 18,
  lastChangeS: 19,
  downtimeS: 20,
  downTransitions: 21,
};

const cell = (line: string, column: string): string | undefined =>
  line.trimEnd().split(',')[CSV_COLUMNS.indexOf(column)];

test("the header has HAProxy's columns where scrapers count on them", () => {
  assert.ok(CSV_HEADER.startsWith('# pxname,svname,qcur,'));
  assert.ok(CSV_HEADER.endsWith(',h1_spliced_bytes_out,\n'));
  assert.equal(CSV_COLUMNS.length, 128);
  assert.equal(CSV_COLUMNS[103], '-');
  const places: readonly (readonly [number, string])[] = [
    [17, 'status'],
    [32, 'type'],
    [50, 'srv_abrt'],
    [79, 'conn_tot'],
    [89, 'src_ilim'],
    [102, 'agg_check_status'],
  ];
  for (const [index, column] of places) assert.equal(CSV_COLUMNS[index], column);
});

test('csvLine() puts each value where it belongs', () => {
  const line = csvLine(server, { legends: true });
  const expected: Readonly<Record<string, string>> = {
    pxname: 'b',
    svname: 's1',
    scur: '1',
    smax: '2',
    slim: '',
    stot: '3',
    bin: '4',
    bout: '5',
    econ: '8',
    wretr: '9',
    wredis: '10',
    status: 'UP',
    weight: '18',
    act: '1',
    bck: '0',
    chkfail: '4',
    chkdown: '21',
    lastchg: '19',
    downtime: '20',
    iid: '3',
    sid: '1',
    type: '2',
    rate: '6',
    rate_max: '7',
    check_status: 'L4OK',
    check_duration: '0',
    cli_abrt: '11',
    srv_abrt: '12',
    lastsess: '13',
    ctime: '14',
    ctime_max: '15',
    ttime: '16',
    ttime_max: '17',
    check_health: '4',
    addr: '127.0.0.1:6443',
    mode: 'tcp',
  };
  for (const [column, value] of Object.entries(expected)) {
    assert.equal(cell(line, column), value, column);
  }
  assert.equal(cell(csvLine(server, { legends: false }), 'addr'), '');
});

test('a server in maintenance or without a check leaves the check columns empty', () => {
  assert.ok(server.check);
  const paused = csvLine(
    { ...server, check: { ...server.check, running: false } },
    { legends: true },
  );
  assert.equal(cell(paused, 'check_status'), '');
  assert.equal(cell(paused, 'chkfail'), '4');
  const unchecked = csvLine({ ...server, check: null }, { legends: true });
  assert.equal(cell(unchecked, 'chkfail'), '');
  assert.equal(cell(unchecked, 'downtime'), '');
});

test('property: whatever the names are, a table stays a table', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (proxy, info) => {
      assert.ok(server.check);
      const row = { ...server, proxy, check: { ...server.check, info } };
      const table = csvTable([row], { legends: true });
      assert.equal(table.split('\n').length, 3);
      const unquoted = table.split('\n')[1]?.replace(/"(?:[^"]|"")*"/g, '');
      assert.equal(unquoted?.split(',').length, CSV_COLUMNS.length + 1);
    }),
  );
});

test('a check of HTTP has a code, and passive health a count', () => {
  assert.equal(cell(csvLine(server, { legends: false }), 'check_code'), '');
  assert.equal(cell(csvLine(server, { legends: false }), 'hanafail'), '');
  const { check } = server;
  assert.ok(check !== null);
  const http = { ...check, status: 'L7STS', code: 500, failedAnalyses: 2 } as const;
  const line = csvLine({ ...server, check: http }, { legends: false });
  assert.deepEqual(
    ['check_status', 'check_code', 'hanafail'].map((column) => cell(line, column)),
    ['L7STS', '500', '2'],
  );
});
