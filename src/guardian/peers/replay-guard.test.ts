import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplayGuard } from './replay-guard.ts';

const STARTED = 1_000_000;
const STARTED_BOOT = 5000;
const TOLERANCE_MS = 30_000;
const HOUR_MS = 3_600_000;

/** On a machine whose clock was set forward by `setMs` since the start. */
const at = (utcMs: number, setMs = 0) => ({
  utcMs,
  bootMs: utcMs - setMs - STARTED + STARTED_BOOT,
});

test('a question counts once, and gets its answer again', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED_BOOT);
  assert.deepEqual(guard.take('a', STARTED + 1, at(STARTED + 5)), { kind: 'new' });
  assert.deepEqual(guard.take('a', STARTED + 1, at(STARTED + 6)), { kind: 'again', answer: null });
  const answer = Buffer.from('done');
  guard.remember('a', answer);
  assert.deepEqual(guard.take('a', STARTED + 1, at(STARTED + 7)), { kind: 'again', answer });
});

test('what is old, from the future or from before the start is refused', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED_BOOT);
  const kind = (sentAtMs: number, nowMs: number) =>
    guard.take(`${sentAtMs}`, sentAtMs, at(nowMs)).kind;
  assert.equal(kind(STARTED - 1, STARTED + 10), 'refused');
  assert.equal(kind(STARTED + 1, STARTED + TOLERANCE_MS + 2), 'refused');
  assert.equal(kind(STARTED + TOLERANCE_MS + 12, STARTED + 10), 'refused');
  assert.equal(kind(STARTED + TOLERANCE_MS + 10, STARTED + 10), 'new');
});

test('it remembers a bounded number, forgets the old ones, and never one that could count again', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED_BOOT);
  const now = STARTED + 100;
  for (let index = 0; index < 1024; index += 1) guard.take(`q${index}`, now, at(now));
  assert.equal(guard.take('one more', now, at(now)).kind, 'refused');
  assert.equal(guard.take('q0', now, at(now)).kind, 'again');
  const later = now + TOLERANCE_MS + 1;
  assert.equal(guard.take('one more', later, at(later)).kind, 'new');
  assert.equal(guard.take('q0', now, at(later)).kind, 'refused');
});

test('a clock that is set by hours costs no question that is asked by the new time', () => {
  for (const setMs of [-6 * HOUR_MS, 6 * HOUR_MS]) {
    const guard = new ReplayGuard(TOLERANCE_MS, STARTED_BOOT);
    const now = STARTED + 100;
    assert.equal(guard.take('before', now, at(now)).kind, 'new');
    const then = now + setMs + 50;
    assert.equal(guard.take('after', then, at(then, setMs)).kind, 'new');
    assert.equal(guard.take('from before the start', then - 200, at(then, setMs)).kind, 'refused');
    // Back where it was, nothing counts twice.
    const back = now + 200;
    assert.equal(guard.take('before', now, at(back)).kind, 'again');
  }
});
