import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckResult } from '../../health/server-state.ts';
import { TEST_CHECK, testBackend, testServer } from '../fixture.ts';
import { buildTable, REFUSED, usable } from './fixture.ts';
import { checkStateOf, healthPlace } from './server-entry.ts';

const PASSED: CheckResult = { status: 'L4OK', passed: true, info: '', durationMs: 0 };
test('a failed first check takes the server out and says so as HAProxy does', () => {
  const { table, lines, changes } = buildTable();
  assert.deepEqual(usable(table), [true, true]);
  table.recordCheck(0, 0, REFUSED);
  assert.deepEqual(usable(table), [false, true]);
  assert.equal(changes(), 1);
  assert.deepEqual(lines, [
    '1 Server kube-master/m1 is DOWN, reason: Layer4 connection problem, info: ' +
      '"Connection refused", check duration: 0ms. 1 active and 0 backup servers left. ' +
      '0 sessions active, 0 requeued, 0 remaining in queue.',
  ]);
  table.recordCheck(0, 1, REFUSED);
  assert.equal(lines.at(-1), '0 backend kube-master has no server available!');
  assert.equal(table.backends[0]?.downTransitions, 1);
});

test('a machine without descriptors took its servers down, one check after the other', () => {
  const { table, lines, changes } = buildTable();
  const full: CheckResult = {
    status: 'SOCKERR',
    passed: false,
    info: 'Too many open files',
    durationMs: 0,
    inconclusive: true,
  };
  for (let turn = 0; turn < 5; turn++) table.recordCheck(0, 0, full);
  assert.deepEqual(usable(table), [true, true]);
  assert.equal(changes(), 0);
  assert.equal(table.entry(0, 0).result.info, 'Too many open files');
  assert.equal(lines.length, 1, 'it is told once');
  assert.match(
    lines[0] ?? '',
    /Health check for server kube-master\/m1 failed, reason: Socket error/,
  );
  // A server that is down does not come up by it, either.
  table.recordCheck(0, 1, REFUSED);
  for (let turn = 0; turn < 5; turn++) table.recordCheck(0, 1, full);
  assert.deepEqual(usable(table), [true, false]);
});

test('a server comes back after `rise` passes, and its downtime is counted', () => {
  const { table, lines, clock } = buildTable();
  table.recordCheck(0, 0, REFUSED);
  clock.now += 3000;
  table.recordCheck(0, 0, PASSED);
  assert.equal(healthPlace(table.entry(0, 0)), '1/2 DOWN');
  clock.now += 2000;
  table.recordCheck(0, 0, PASSED);
  assert.match(lines.at(-1) ?? '', /^5 Server kube-master\/m1 is UP, reason: Layer4 check passed/);
  assert.deepEqual(usable(table), [true, true]);
  assert.equal(table.downtimeMs(table.entry(0, 0)), 5000);
});

test('maintenance takes a server out, and leaving it brings it up with one failure to spare', () => {
  const { table, lines } = buildTable();
  table.recordCheck(0, 0, PASSED);
  table.setAdmin(0, 0, 'maint');
  assert.deepEqual(usable(table), [false, true]);
  assert.match(lines.at(-1) ?? '', /^1 Server kube-master\/m1 is going DOWN for maintenance\. 1 a/);
  table.setAdmin(0, 0, 'ready');
  assert.equal(lines.at(-1), '5 Server kube-master/m1 is UP/READY (leaving forced maintenance).');
  assert.equal(healthPlace(table.entry(0, 0)), '1/2 UP');
  table.recordCheck(0, 0, REFUSED);
  assert.equal(checkStateOf(table.entry(0, 0)), 'down');
});

test('a draining server takes no new connections and stays up', () => {
  const { table, lines } = buildTable();
  table.setAdmin(0, 0, 'drain');
  assert.deepEqual(usable(table), [false, true]);
  assert.match(lines.at(-1) ?? '', /^5 Server kube-master\/m1 enters drain state\. 1 active and 0/);
  table.recordCheck(0, 0, REFUSED);
  assert.equal(lines.at(-1), '5 Server kube-master/m1 remains in forced drain mode.');
  table.setAdmin(0, 0, 'maint');
  assert.equal(lines.at(-1), '5 Server kube-master/m1 was DOWN and now enters maintenance.');
  table.setAdmin(0, 0, 'drain');
  assert.equal(lines.at(-1), '5 Server kube-master/m1 is UP/DRAIN (leaving forced maintenance).');
});

test('a backup server counts apart, and the log says when it carries the backend', () => {
  const servers = [testServer('m1'), testServer('m2', { backup: true })];
  const { table, lines } = buildTable(testBackend({ servers }));
  table.recordCheck(0, 0, REFUSED);
  assert.match(lines[0] ?? '', /0 active and 1 backup servers left\. Running on backup\. 0 sess/);
});

test('weight 0 for all empties the backend; weights are in the snapshot', () => {
  const { table, lines } = buildTable();
  table.setWeight(0, 0, 0);
  assert.deepEqual(
    table.snapshot().backends[0]?.servers.map(({ weight }) => weight),
    [0, 1],
  );
  table.setWeight(0, 1, 0);
  assert.deepEqual(lines, ['0 backend kube-master has no server available!']);
});

test('setting what already holds changes and logs nothing', () => {
  const { table, lines, changes } = buildTable();
  table.setAdmin(0, 0, 'ready');
  assert.deepEqual([lines.length, changes()], [0, 0]);
});

test('a successor starts where its predecessor was, in silence', () => {
  const first = buildTable();
  first.table.recordCheck(0, 0, REFUSED);
  first.table.recordCheck(0, 0, PASSED);
  first.table.setAdmin(0, 1, 'drain');
  first.table.setWeight(0, 1, 7);
  const records = [...first.table.records()];
  const { table, lines } = buildTable(testBackend(), records);
  assert.deepEqual(table.records(), records);
  assert.deepEqual(usable(table), [false, false]);
  assert.deepEqual(lines, []);
  table.recordCheck(0, 0, PASSED);
  assert.deepEqual(usable(table), [true, false]);
});

test('a disabled server starts in maintenance; one without a check is up', () => {
  const servers = [testServer('m1', { disabled: true }), testServer('m2', { check: null })];
  const { table } = buildTable(testBackend({ servers }));
  assert.deepEqual(usable(table), [false, true]);
  assert.equal(checkStateOf(table.entry(0, 1)), 'unchecked');
});

test('a server that comes back warms up, one that was there from the start does not', () => {
  const servers = [testServer('m1', { slowstartMs: 10_000 }), testServer('m2')];
  const { table, clock, ups } = buildTable(testBackend({ servers }));
  const throttle = () => table.snapshot().backends[0]?.servers[0]?.throttle;
  assert.deepEqual([throttle(), table.warms()], [undefined, false]);
  table.recordCheck(0, 0, REFUSED);
  clock.now += 1000;
  table.recordCheck(0, 0, PASSED);
  table.recordCheck(0, 0, PASSED);
  assert.deepEqual(ups, [0]);
  assert.deepEqual([throttle(), table.warms()], [1, true]);
  clock.now += 2500;
  assert.equal(throttle(), 25);
  clock.now += 7500;
  assert.deepEqual([throttle(), table.warms(), table.warms()], [undefined, true, false]);
  table.setAdmin(0, 0, 'maint');
  table.setAdmin(0, 0, 'ready');
  assert.deepEqual([throttle(), ups], [1, [0, 0]]);
});

test('log-health-checks tells each step of the counter', () => {
  const { table, lines } = buildTable(testBackend({ logHealthChecks: true }));
  table.recordCheck(0, 0, PASSED);
  table.recordCheck(0, 0, PASSED);
  table.recordCheck(0, 0, REFUSED);
  assert.deepEqual(
    lines.map((line) => line.replace(/, reason.*, status/, ', status')),
    [
      '5 Health check for server kube-master/m1 succeeded, status: 2/2 UP.',
      '5 Health check for server kube-master/m1 failed, status: 1/2 UP.',
    ],
  );
});

test('other backends: what stays keeps what is known of it, what is new begins', () => {
  const { table, clock, changes } = buildTable();
  table.recordCheck(0, 0, REFUSED);
  table.setAdmin(0, 1, 'drain');
  table.setWeight(0, 1, 7);
  clock.now += 5000;
  const before = changes();
  const servers = [testServer('m3'), testServer('m2'), testServer('m1')];
  const next = [testBackend({ name: 'other' }), testBackend({ servers })];
  assert.deepEqual(table.preview(next).backends[1]?.servers, [
    { usable: true, weight: 1 },
    { usable: false, weight: 7 },
    { usable: false, weight: 1 },
  ]);
  assert.equal(table.backends.length, 1);
  table.reconfigure(next);
  assert.equal(changes(), before + 1);
  assert.deepEqual(
    table
      .records()
      .map(({ backend, server, admin, check, weight }) =>
        [backend, server, admin, check, weight].join(' '),
      ),
    [
      'other m1 ready up ',
      'other m2 ready up ',
      'kube-master m3 ready up ',
      'kube-master m2 drain up 7',
      'kube-master m1 ready down ',
    ],
  );
  assert.equal(table.downtimeMs(table.entry(1, 2)), 5000);
  assert.equal(table.backends[1]?.usableActive, 1);
});

test('a server at another address is another server', () => {
  const { table } = buildTable();
  table.recordCheck(0, 0, REFUSED);
  table.setAdmin(0, 0, 'maint');
  table.reconfigure([testBackend({ servers: [testServer('m1', { host: '127.0.0.9' })] })]);
  assert.deepEqual(usable(table), [true]);
  assert.equal(table.entry(0, 0).admin, 'ready');
});

test('what the files change counts more than what was asked for at run time', () => {
  const { table } = buildTable();
  table.setWeight(0, 0, 7);
  table.setAdmin(0, 1, 'drain');
  const servers = [testServer('m1', { weight: 3 }), testServer('m2', { disabled: true })];
  table.reconfigure([testBackend({ servers })]);
  const [first, second] = [table.entry(0, 0), table.entry(0, 1)];
  assert.deepEqual([first.weight, first.config.weight, second.admin], [null, 3, 'maint']);
});

test('other rise and fall leave up what is up, and down what is down', () => {
  const { table } = buildTable();
  table.recordCheck(0, 0, REFUSED);
  table.recordCheck(0, 1, PASSED);
  const check = { ...TEST_CHECK, rise: 5, fall: 1 };
  table.reconfigure([
    testBackend({ servers: [testServer('m1', { check }), testServer('m2', { check })] }),
  ]);
  assert.deepEqual(
    [checkStateOf(table.entry(0, 0)), checkStateOf(table.entry(0, 1))],
    ['down', 'up'],
  );
  table.reconfigure([
    testBackend({ servers: [testServer('m1', { check: null }), testServer('m2')] }),
  ]);
  assert.deepEqual(usable(table), [true, true]);
});
