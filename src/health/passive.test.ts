import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PassiveHealthConfig } from '../config/model/checks.ts';
import { stepPassive } from './passive.ts';

const RISE = 2;
const FULL = 4;

function verdictHealth(onError: PassiveHealthConfig['onError'], health: number) {
  return stepPassive({ errorLimit: 1, onError }, RISE, health, 0).verdict?.health;
}

test('a verdict falls when the limit is reached, and counting begins again', () => {
  const passive = { errorLimit: 3, onError: 'fail-check' } as const;
  assert.deepEqual(stepPassive(passive, RISE, FULL, 0), { errors: 1, verdict: null });
  assert.deepEqual(stepPassive(passive, RISE, FULL, 1), { errors: 2, verdict: null });
  const last = stepPassive(passive, RISE, FULL, 2);
  assert.equal(last.errors, 0);
  assert.deepEqual(last.verdict?.result, {
    status: 'HANA',
    passed: false,
    info: 'Detected 3 consecutive errors, last one was: L4 unsuccessful connection',
    durationMs: 0,
  });
});

test('each mode leaves the failed check another counter to take from', () => {
  assert.equal(verdictHealth('fastinter', FULL), undefined);
  assert.equal(verdictHealth('fail-check', FULL), FULL);
  assert.equal(verdictHealth('sudden-death', FULL), RISE + 1);
  assert.equal(verdictHealth('sudden-death', RISE), RISE);
  assert.equal(verdictHealth('mark-down', FULL), RISE);
});

test('a server that is down gets no further verdict', () => {
  assert.equal(verdictHealth('mark-down', 0), undefined);
  assert.equal(verdictHealth('fail-check', RISE - 1), undefined);
});
