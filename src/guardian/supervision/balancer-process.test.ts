import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InheritedListener } from '../../contracts/listeners.ts';
import { LOOPS_MAX } from '../../core/beats.ts';
import { type BalancerLaunch, BalancerProcess } from './balancer-process.ts';

/** Starts nothing: what it is given is refused before. */
function refuse(loops: number, ids: readonly number[], message: RegExp): void {
  const listeners = ids.map(
    (id): InheritedListener => ({ id, fd: 9, purpose: { kind: 'http', frontend: 'stats' } }),
  );
  const plane = { loops: Array.from({ length: loops }, (_, loop) => `loop ${loop}`) };
  const launch = { plane, listeners } as unknown as BalancerLaunch;
  const events = { message: () => {}, breach: () => {}, ended: () => {} };
  assert.throws(() => new BalancerProcess(launch, events), message);
}

test('no loop beats in the slot of the main thread', () => {
  refuse(LOOPS_MAX + 1, [1], /a slot of its own/);
});

test('no listener goes to a balancer twice', () => refuse(1, [1, 2, 1], /each listener once/));
