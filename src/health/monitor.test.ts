/** `monitor fail` over the servers that are left. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MonitorTerm } from '../config/model/traffic.ts';
import { monitorFails } from './monitor.ts';

const term = (is: MonitorTerm['is'], servers: number, negated = false): MonitorTerm => ({
  backend: 'masters',
  is,
  servers,
  negated,
});

const left =
  (usableActive: number, usableBackup = 0) =>
  (name: string) =>
    name === 'masters' ? { usableActive, usableBackup } : null;

test('each comparison holds where it should', () => {
  const holding: [MonitorTerm['is'], readonly number[]][] = [
    ['eq', [2]],
    ['ge', [2, 3]],
    ['gt', [3]],
    ['le', [0, 1, 2]],
    ['lt', [0, 1]],
  ];
  for (const [is, counts] of holding) {
    for (let count = 0; count <= 3; count++) {
      const fails = counts.includes(count);
      assert.equal(monitorFails([[term(is, 2)]], left(count)), fails, `${count} ${is} 2`);
      assert.equal(
        monitorFails([[term(is, 2, true)]], left(count)),
        !fails,
        `not ${count} ${is} 2`,
      );
    }
  }
});

test('all terms of one condition must hold, and one condition is enough', () => {
  const none = [term('eq', 0)];
  const both = [term('lt', 3), term('gt', 1)];
  assert.equal(monitorFails([], left(0)), false);
  assert.equal(monitorFails([none, both], left(0)), true);
  assert.equal(monitorFails([none, both], left(1)), false);
  assert.equal(monitorFails([none, both], left(2)), true);
});

test('backups count where no other server is left, and a backend that is gone has none', () => {
  assert.equal(monitorFails([[term('lt', 1)]], left(0, 1)), false);
  assert.equal(monitorFails([[term('gt', 1)]], left(1, 3)), false);
  assert.equal(monitorFails([[{ ...term('lt', 1), backend: 'gone' }]], left(3)), true);
});
