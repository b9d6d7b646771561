import assert from 'node:assert/strict';
import test from 'node:test';
import type { WaitsFor } from '../stats/waits-for.ts';
import { advert, Driver, LOWER, START, TICK, V3 } from './fixture.ts';
import type { MachineConfig, MachineEvent } from './machine.ts';
import { waitsFor } from './waiting.ts';

type Timed = readonly [at: number, event: MachineEvent];

/** What the last event leaves it waiting for. */
function after(config: MachineConfig, ...events: readonly Timed[]): WaitsFor | null {
  const driver = new Driver(config);
  let now = 0;
  for (const [at, event] of events) {
    driver.at(at, event);
    now = at;
  }
  return waitsFor(config, driver.state, now);
}

const started: Timed = [0, START];
const DOWN_MS = 360.9375;
const LOWEST_DOWN_MS = 399.609375;

test('a backup tells what it waits for', () => {
  const probing: Timed = [0, { kind: 'start', held: true }];
  assert.deepEqual(after(V3, probing), { event: 'address-probe' });
  assert.deepEqual(after(V3, started), { event: 'takeover', inMs: DOWN_MS });
  const worse: Timed = [100, advert(50, LOWER, 100)];
  assert.deepEqual(after(V3, started, worse), { event: 'takeover', inMs: DOWN_MS - 100 });
  const better: Timed = [100, advert(150, LOWER, 100)];
  assert.deepEqual(after(V3, started, better), { event: 'master-silence', inMs: DOWN_MS });
  const patient = { ...V3, preempt: false };
  assert.deepEqual(after(patient, started, worse), { event: 'master-silence', inMs: DOWN_MS });
  const slow = { ...V3, preemptDelayMs: 5000 };
  assert.deepEqual(after(slow, started, worse), { event: 'preempt-delay', inMs: 5000 });
  const grouped = { ...V3, grouped: true };
  assert.deepEqual(after(grouped, started, [DOWN_MS, TICK]), { event: 'sync-group' });
  const drain: Timed = [100, { kind: 'drain', waitMs: 1000 }];
  const inMs = DOWN_MS + LOWEST_DOWN_MS - 100;
  assert.deepEqual(after(V3, started, drain), { event: 'ready', inMs });
});

test('who is no backup waits for nothing', () => {
  assert.equal(after(V3), null);
  assert.equal(after(V3, started, [DOWN_MS, TICK]), null);
  assert.equal(after(V3, started, [1, { kind: 'track', priorityDelta: 0, faults: ['x'] }]), null);
});
