/** Servers whose names lead elsewhere, or nowhere, in HAProxy's words. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NameConfig } from '../../config/model/names.ts';
import type { ServerConfig } from '../../config/model/traffic.ts';
import { testBackend, testServer } from '../fixture.ts';
import { buildTable, REFUSED, usable } from './fixture.ts';

const NAMED: NameConfig = {
  kind: 'addresses',
  resolvers: null,
  prefer: 'ipv4',
  initial: [{ kind: 'system' }],
  initialHost: null,
};

const OLD = { host: '10.0.0.1', port: 6443 };
const NEW = { host: '10.0.0.2', port: 6443 };

function build(initialHost: string | null, changes: Partial<ServerConfig> = {}) {
  const named = testServer('named', {
    host: 'api.example',
    resolution: { ...NAMED, initialHost },
    ...changes,
  });
  return buildTable(testBackend({ servers: [named, testServer('other')] }));
}

const snapshotOf = ({ table }: ReturnType<typeof build>) => table.snapshot().backends[0]?.servers;

test('a server without an address is in maintenance until it resolves', () => {
  const built = build(null);
  const { table, lines, ups } = built;
  assert.deepEqual(usable(table), [false, true]);
  assert.equal(table.inMaintenance(0, 0), true);
  assert.equal(snapshotOf(built)?.[0]?.address, null);
  table.setAddress(0, 0, NEW, 'dns/ns1');
  assert.deepEqual(usable(table), [true, true]);
  assert.deepEqual(snapshotOf(built)?.[0]?.address, NEW);
  assert.deepEqual(lines, [
    "5 Server kube-master/named ('api.example') is UP/READY (resolves again).",
  ]);
  assert.deepEqual(ups, [0]);
});

test('a server that loses its address goes into maintenance, and says why', () => {
  const { table, lines, downs } = build('10.0.0.1');
  assert.deepEqual(usable(table), [true, true]);
  table.setAddress(0, 0, null, 'DNS NX status');
  assert.deepEqual(usable(table), [false, true]);
  assert.deepEqual(downs, ['0/0']);
  assert.equal(table.entry(0, 0).addressLoss, 'DNS NX status');
  assert.deepEqual(lines, [
    '1 Server kube-master/named is going DOWN for maintenance (DNS NX status). ' +
      '1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
  ]);
});

test('a server that moves ends what it had at the old place, as one that goes down', () => {
  const built = build('10.0.0.1');
  const { table, lines, downs, ups } = built;
  table.setAddress(0, 0, NEW, 'dns/ns1');
  assert.deepEqual(snapshotOf(built)?.[0]?.address, NEW);
  assert.deepEqual([downs, ups], [['0/0'], []]);
  assert.deepEqual(lines, [
    '5 kube-master/named changed its IP from 10.0.0.1 to 10.0.0.2 by dns/ns1.',
  ]);
  table.setAddress(0, 0, { ...NEW }, 'dns/ns1');
  assert.equal(lines.length, 1);
});

test('a server that is down has another chance where it moves to', () => {
  const { table, lines, downs, ups } = build('10.0.0.1');
  for (let times = 0; times < 3; times++) table.recordCheck(0, 0, REFUSED);
  assert.deepEqual(usable(table), [false, true]);
  lines.length = 0;
  downs.length = 0;
  table.setAddress(0, 0, NEW, 'the system');
  assert.deepEqual(usable(table), [true, true]);
  assert.deepEqual([downs, ups], [[], [0]]);
  assert.deepEqual(lines, [
    '5 kube-master/named changed its IP from 10.0.0.1 to 10.0.0.2 by the system.',
    '5 Server kube-master/named is UP. 2 active and 0 backup servers online. ' +
      '0 sessions requeued, 0 total in queue.',
  ]);
});

test("an operator's maintenance and one for want of an address are two", () => {
  const { table, lines } = build('10.0.0.1');
  table.setAdmin(0, 0, 'maint');
  table.setAddress(0, 0, null, 'DNS timeout status');
  table.setAdmin(0, 0, 'ready');
  assert.equal(table.inMaintenance(0, 0), true);
  table.setAdmin(0, 0, 'maint');
  table.setAddress(0, 0, OLD, 'dns/ns1');
  assert.deepEqual(usable(table), [false, true]);
  table.setAdmin(0, 0, 'ready');
  assert.deepEqual(usable(table), [true, true]);
  assert.deepEqual(lines.slice(1), [
    '5 Server kube-master/named is leaving forced maintenance but remains in maintenance.',
    '5 Server kube-master/named was DOWN and now enters maintenance.',
    "5 Server kube-master/named ('api.example') resolves again but remains in maintenance.",
    '5 Server kube-master/named is UP/READY (leaving forced maintenance).',
  ]);
});

test('a balancer that takes over has its servers where the one before had them', () => {
  const before = build('10.0.0.1');
  before.table.setAddress(0, 0, NEW, 'dns/ns1');
  const after = build('10.0.0.1');
  after.table.restore(before.table.records());
  assert.deepEqual(after.table.address(0, 0), NEW);
  before.table.setAddress(0, 0, null, 'DNS NX status');
  after.table.restore(before.table.records());
  assert.equal(after.table.address(0, 0), null);
});

test('a reload keeps where a name led, and another name begins anew', () => {
  const { table } = build('10.0.0.1');
  table.setAddress(0, 0, NEW, 'dns/ns1');
  const backend = (host: string) =>
    testBackend({
      servers: [
        testServer('named', { host, resolution: { ...NAMED, initialHost: '10.0.0.9' } }),
        testServer('other'),
      ],
    });
  table.reconfigure([backend('api.example')]);
  assert.deepEqual(table.address(0, 0), NEW);
  table.reconfigure([backend('else.example')]);
  assert.deepEqual(table.address(0, 0), { host: '10.0.0.9', port: 6443 });
});

test('panic does not send clients to where there is nothing', () => {
  const named = testServer('named', { host: 'api.example', resolution: NAMED });
  const { table } = buildTable(testBackend({ panic: true, servers: [named, testServer('other')] }));
  for (let times = 0; times < 3; times++) table.recordCheck(0, 1, REFUSED);
  assert.deepEqual(usable(table), [false, true]);
});

test('a server that follows one without an address is in maintenance with it', () => {
  const leader = testServer('leader', {
    host: 'api.example',
    resolution: { ...NAMED, initialHost: '10.0.0.1' },
  });
  const follower = testServer('follower', { follows: { backend: 'a', server: 'leader' } });
  const { table, lines } = buildTable([
    testBackend({ name: 'a', servers: [leader] }),
    testBackend({ name: 'b', servers: [follower] }),
  ]);
  table.setAddress(0, 0, null, 'DNS NX status');
  assert.equal(table.inMaintenance(1, 0), true);
  table.setAddress(0, 0, NEW, 'dns/ns1');
  assert.equal(table.inMaintenance(1, 0), false);
  assert.deepEqual(
    lines.filter((line) => line.includes(' b/')).map((line) => line.replace(/\. 0 active.*/, '')),
    [
      '1 Server b/follower is going DOWN for maintenance via a/leader',
      '5 Server b/follower is UP/READY (leaving maintenance).',
    ],
  );
});
