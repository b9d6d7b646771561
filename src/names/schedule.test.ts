import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './answer.ts';
import { askAgainMs } from './schedule.ts';
import { weightOfRecord } from './service-weight.ts';

const good = (ttlMs: number | null): Answer => ({ kind: 'found', targets: [], ttlMs, by: '' });

test('askAgainMs() goes by the TTL, within bounds, and asks more often while something is wrong', () => {
  assert.equal(askAgainMs(good(30_000), false), 30_000);
  assert.equal(askAgainMs(good(0), false), 1000);
  assert.equal(askAgainMs(good(86_400_000), false), 3_600_000);
  assert.equal(askAgainMs(good(null), false), 10_000);
  assert.equal(askAgainMs(good(86_400_000), true), 5000);
  assert.equal(askAgainMs(good(2000), true), 2000);
  assert.equal(askAgainMs({ kind: 'failed', failure: 'nx' }, false), 5000);
});

test("weightOfRecord() keeps 0, and fits the rest into a server's weight", () => {
  assert.deepEqual([0, 1, 256, 257, 65_535].map(weightOfRecord), [0, 1, 1, 2, 256]);
});
