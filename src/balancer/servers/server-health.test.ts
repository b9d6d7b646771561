/** The server table's part in health: draining answers, panic, passive health, warnings. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckResult } from '../../health/server-state.ts';
import { TEST_CHECK, testBackend, testServer } from '../fixture.ts';
import { buildTable, REFUSED, usable } from './fixture.ts';
import { checkStateOf } from './server-entry.ts';

const PASSED: CheckResult = { status: 'L7OK', passed: true, info: '', durationMs: 0, code: 200 };
const DRAINED: CheckResult = { ...PASSED, status: 'L7OKC', code: 404 };

test('a check that passes on a condition stops new connections at once, until it passes', () => {
  const { table, lines, changes } = buildTable();
  table.recordCheck(0, 0, PASSED);
  const before = changes();
  table.recordCheck(0, 0, DRAINED);
  assert.equal(changes(), before + 1);
  assert.deepEqual(usable(table), [false, true]);
  assert.equal(checkStateOf(table.entry(0, 0)), 'stopping');
  assert.deepEqual(table.records()[0]?.stopping, true);
  assert.equal(
    lines.at(-1),
    '5 Server kube-master/m1 is stopping, reason: Layer7 check conditionally passed, code: 404, ' +
      'check duration: 0ms. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.',
  );
  table.recordCheck(0, 0, REFUSED);
  assert.equal(checkStateOf(table.entry(0, 0)), 'stopping', 'one failure of two');
  table.recordCheck(0, 0, PASSED);
  assert.deepEqual(usable(table), [true, true]);
  assert.match(lines.at(-1) ?? '', /^5 Server kube-master\/m1 is UP, reason: Layer7 check passed/);
});

test('a server that was stopping is so for the next balancer', () => {
  const first = buildTable();
  first.table.recordCheck(0, 0, DRAINED);
  const next = buildTable(testBackend(), [...first.table.records()]);
  assert.deepEqual(usable(next.table), [false, true]);
});

test('in panic the servers that answer come back first, then all that no operator took out', () => {
  const { table } = buildTable(testBackend({ panic: true }));
  table.recordCheck(0, 0, REFUSED);
  assert.deepEqual(usable(table), [false, true]);
  table.recordCheck(0, 1, DRAINED);
  assert.deepEqual(usable(table), [false, true], 'it answers');
  table.recordCheck(0, 1, REFUSED);
  table.recordCheck(0, 1, REFUSED);
  assert.deepEqual(usable(table), [true, true]);
  table.setAdmin(0, 0, 'drain');
  assert.deepEqual(usable(table), [false, true]);
});

test('traffic that cannot connect marks a server at once, where its check says so', () => {
  const passive = { errorLimit: 1, onError: 'mark-down' } as const;
  const servers = [testServer('m1', { check: { ...TEST_CHECK, passive } }), testServer('m2')];
  const { table, lines, downs } = buildTable(testBackend({ servers }));
  table.recordCheck(0, 0, PASSED);
  table.recordConnectFailure(0, 0);
  table.recordConnectFailure(0, 1);
  assert.deepEqual(usable(table), [false, true]);
  assert.deepEqual(downs, ['0/0']);
  assert.match(
    lines.at(-1) ?? '',
    /reason: Health analyze, info: "Detected 1 consecutive errors, /,
  );
  table.recordConnectFailure(0, 0);
  assert.equal(table.entry(0, 0).failedAnalyses, 1);
});

test('a connect that works in between breaks the row of failed ones', () => {
  const passive = { errorLimit: 2, onError: 'mark-down' } as const;
  const servers = [testServer('m1', { check: { ...TEST_CHECK, passive } })];
  const { table, traffic } = buildTable(testBackend({ servers }));
  table.recordConnectFailure(0, 0);
  traffic.connects = 1;
  table.recordConnectFailure(0, 0);
  assert.deepEqual(usable(table), [true]);
  table.recordConnectFailure(0, 0);
  assert.deepEqual(usable(table), [false]);
});

test('a server that goes down or into maintenance is told of once', () => {
  const { table, downs } = buildTable();
  table.recordCheck(0, 0, REFUSED);
  table.recordCheck(0, 0, REFUSED);
  table.setAdmin(0, 0, 'maint');
  table.setAdmin(0, 1, 'maint');
  assert.deepEqual(downs, ['0/0', '0/1']);
});

test('what a certificate will hurt with is logged once, and forgotten when it is mended', () => {
  const { table, lines, clock } = buildTable();
  const ends = 'The certificate expires today; renew it';
  table.recordCheck(0, 0, { ...PASSED, warnings: [ends] });
  table.recordCheck(0, 0, { ...PASSED, warnings: [ends] });
  table.recordCheck(0, 0, PASSED);
  table.recordCheck(0, 1, { ...PASSED, warnings: [ends, 'It lacks a name'] });
  assert.deepEqual(table.entry(0, 0).warnings, [ends]);
  clock.now += 5000;
  table.tellWarnings();
  table.tellWarnings();
  assert.deepEqual(lines, [
    `4 Servers kube-master/m1, kube-master/m2: ${ends}.`,
    '4 Server kube-master/m2: It lacks a name.',
  ]);
  table.recordCheck(0, 0, { ...PASSED, warnings: [] });
  assert.deepEqual(table.entry(0, 0).warnings, []);
});
