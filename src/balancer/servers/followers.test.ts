/** Words and order of the lines are HAProxy's, as test/interop/servers-haproxy.test.ts sees them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckResult } from '../../health/server-state.ts';
import { TEST_CHECK, testBackend, testServer } from '../fixture.ts';
import { buildTable, REFUSED } from './fixture.ts';
import { checkStateOf } from './server-entry.ts';

const PASSED: CheckResult = { status: 'L4OK', passed: true, info: '', durationMs: 0 };

/** b/s follows a/s, c/s follows b/s. */
function buildChain() {
  const server = (follows: string | null) =>
    testServer('s', {
      check: follows === null ? TEST_CHECK : null,
      ...(follows === null ? {} : { follows: { backend: follows, server: 's' } }),
    });
  const backends = [
    testBackend({ name: 'a', servers: [server(null)] }),
    testBackend({ name: 'b', servers: [server('a')] }),
    testBackend({ name: 'c', servers: [server('b')] }),
  ];
  return buildTable(backends);
}

/** "010": whom new connections go to. */
function usable(table: ReturnType<typeof buildChain>['table']): string {
  return table
    .snapshot()
    .backends.map(({ servers }) => (servers[0]?.usable ? '1' : '0'))
    .join('');
}

test('servers go down and come up with the one that they follow', () => {
  const { table, lines, downs, ups, changes } = buildChain();
  assert.equal(usable(table), '111');
  table.recordCheck(0, 0, REFUSED);
  assert.equal(usable(table), '000');
  assert.equal(changes(), 1, 'relays hear of all of them at once');
  assert.deepEqual(downs, ['1/0', '2/0', '0/0']);
  assert.deepEqual(
    lines.map((line) => line.replace(/, reason.*|\. 0 active.*/, '')),
    [
      '1 Server a/s is DOWN',
      '0 backend a has no server available!',
      '1 Server b/s is DOWN via a/s',
      '0 backend b has no server available!',
      '1 Server c/s is DOWN via b/s',
      '0 backend c has no server available!',
    ],
  );
  assert.equal(checkStateOf(table.entry(2, 0)), 'down');
  for (let turn = 0; turn < 2; turn += 1) table.recordCheck(0, 0, PASSED);
  assert.equal(usable(table), '111');
  assert.equal(ups.length, 3);
});

test('a follower takes no new connections while the other one asks for none', () => {
  const { table, lines } = buildChain();
  table.recordCheck(0, 0, { ...PASSED, status: 'L7OKC' });
  assert.equal(usable(table), '000');
  assert.match(lines.at(-1) ?? '', /^0 backend c/);
  assert.match(lines.at(-2) ?? '', /^5 Server c\/s is stopping via b\/s\./);
  assert.equal(checkStateOf(table.entry(1, 0)), 'stopping');
});

test('a maintenance goes on to followers, and their own stays when it ends', () => {
  const { table, lines } = buildChain();
  table.setAdmin(0, 0, 'maint');
  assert.equal(usable(table), '000');
  assert.match(lines.join('\n'), /1 Server b\/s is going DOWN for maintenance via a\/s\./);
  const before = lines.length;
  table.setAdmin(1, 0, 'maint');
  assert.equal(lines.length, before, 'nothing changes by it now');
  table.setAdmin(0, 0, 'ready');
  assert.equal(usable(table), '100');
  assert.deepEqual(lines.slice(before), [
    '5 Server a/s is UP/READY (leaving forced maintenance).',
    '5 Server b/s remains in forced maintenance.',
  ]);
  table.setAdmin(1, 0, 'ready');
  assert.equal(usable(table), '111');
});

test('a drain goes on to followers', () => {
  const { table, lines } = buildChain();
  table.setAdmin(0, 0, 'drain');
  assert.equal(usable(table), '000');
  assert.match(lines.join('\n'), /5 Server c\/s enters drain state via b\/s\./);
  table.setAdmin(0, 0, 'ready');
  assert.equal(lines.at(-1), '5 Server c/s is UP (leaving forced drain).');
});

test('failed connects to a follower say nothing about the one with the check', () => {
  const { table } = buildChain();
  for (let turn = 0; turn < 20; turn += 1) table.recordConnectFailure(1, 0);
  assert.equal(usable(table), '111');
});

test('a reload that ends the following leaves a server without a check', () => {
  const { table } = buildChain();
  table.recordCheck(0, 0, REFUSED);
  const [a, b, c] = table.backends.map(({ config }) => config);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const alone = { ...b, servers: [testServer('s', { check: null })] };
  table.reconfigure([a, alone, c]);
  assert.equal(usable(table), '011');
});
