import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplayGuard } from './replay-guard.ts';

const STARTED = 1_000_000;
const TOLERANCE_MS = 30_000;

test('a question counts once, and gets its answer again', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED);
  assert.deepEqual(guard.take('a', STARTED + 1, STARTED + 5), { kind: 'new' });
  assert.deepEqual(guard.take('a', STARTED + 1, STARTED + 6), { kind: 'again', answer: null });
  const answer = Buffer.from('done');
  guard.remember('a', answer);
  assert.deepEqual(guard.take('a', STARTED + 1, STARTED + 7), { kind: 'again', answer });
});

test('what is old, from the future or from before the start is refused', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED);
  const kind = (sentAtMs: number, nowMs: number) => guard.take(`${sentAtMs}`, sentAtMs, nowMs).kind;
  assert.equal(kind(STARTED - 1, STARTED + 10), 'refused');
  assert.equal(kind(STARTED + 1, STARTED + TOLERANCE_MS + 2), 'refused');
  assert.equal(kind(STARTED + TOLERANCE_MS + 12, STARTED + 10), 'refused');
  assert.equal(kind(STARTED + TOLERANCE_MS + 10, STARTED + 10), 'new');
});

test('it remembers a bounded number, forgets the old ones, and never one that could count again', () => {
  const guard = new ReplayGuard(TOLERANCE_MS, STARTED);
  const now = STARTED + 100;
  for (let index = 0; index < 1024; index += 1) guard.take(`q${index}`, now, now);
  assert.equal(guard.take('one more', now, now).kind, 'refused');
  assert.equal(guard.take('q0', now, now).kind, 'again');
  const later = now + TOLERANCE_MS + 1;
  assert.equal(guard.take('one more', later, later).kind, 'new');
  assert.equal(guard.take('q0', now, later).kind, 'refused');
});
