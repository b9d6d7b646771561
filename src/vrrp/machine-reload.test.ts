import assert from 'node:assert/strict';
import test from 'node:test';
import { advert, Driver, HIGHER, LOWER, master, START, TICK, V2, V3 } from './fixture.ts';
import type { MachineConfig, MachineEvent } from './machine.ts';
import { nextTickAt } from './machine-due.ts';
import { downIntervalMs } from './timers.ts';

const RELOAD: MachineEvent = { kind: 'reload', priorityDelta: 0, faults: [] };

/** The same machine, by another configuration from now on. */
function reloaded(driver: Driver, config: MachineConfig): Driver {
  const next = new Driver(config);
  next.state = driver.state;
  return next;
}

test('a master of a lower priority says so at once and stays master until a better one speaks', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  const lower = reloaded(driver, { ...V2, priority: 50 });
  assert.deepEqual(lower.at(since + 300, RELOAD), ['advert 50']);
  assert.equal(lower.state.phase, 'master');
  const told = lower.at(since + 400, advert(100));
  assert.deepEqual(told, ['remove-addresses', 'advert 50', 'master -> backup']);
});

test('a shorter interval is no sleep, and counts from now', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  const quick = reloaded(driver, { ...V2, version: 3, intervalMs: 100 });
  // 900 ms of silence are more than the new down interval, and were none by the old one.
  assert.deepEqual(quick.at(since + 900, RELOAD), ['advert 100']);
  assert.equal(nextTickAt(quick.config, quick.state), since + 1000);
});

test('a backup goes on waiting, by the lengths of the new interval', () => {
  const driver = new Driver(V2);
  driver.at(0, START);
  driver.at(500, advert(200));
  const slow = { ...V2, intervalMs: 2000 };
  const next = reloaded(driver, slow);
  assert.deepEqual(next.at(900, RELOAD), []);
  assert.equal(nextTickAt(slow, next.state), 500 + downIntervalMs(2, 100, 2000));
  assert.equal(next.state.master?.address, HIGHER);
});

test('a version 3 backup keeps the interval that its master advertises', () => {
  const driver = new Driver(V3);
  driver.at(0, START);
  driver.at(100, advert(200, HIGHER, 500));
  const next = reloaded(driver, { ...V3, intervalMs: 1000 });
  next.at(200, RELOAD);
  assert.equal(next.state.masterIntervalMs, 500);
});

test('who becomes the owner of the address takes it, and who is no longer yields', () => {
  const driver = new Driver(V2);
  driver.at(0, START);
  driver.at(500, advert(200));
  const owner = reloaded(driver, { ...V2, priority: 255 });
  assert.deepEqual(owner.at(600, RELOAD), []);
  assert.equal(owner.at(600, TICK).at(-1), 'backup -> master');
  const former = reloaded(owner, V2);
  assert.deepEqual(former.at(700, RELOAD), ['advert 100']);
  assert.equal(former.at(800, advert(200)).at(-1), 'master -> backup');
});

test('preempt_delay begins anew, and without it a lower master is not spared', () => {
  const patient: MachineConfig = { ...V2, preemptDelayMs: 60_000 };
  const driver = new Driver(patient);
  driver.at(0, START);
  driver.at(500, advert(50, LOWER));
  assert.notEqual(driver.state.preemptAt, null);
  const eager = reloaded(driver, V2);
  eager.at(600, RELOAD);
  assert.equal(eager.state.preemptAt, null);
  eager.at(1500, advert(50, LOWER));
  const due = nextTickAt(V2, eager.state);
  assert.equal(due, 500 + downIntervalMs(2, 100, 1000));
  assert.equal(eager.at(due, TICK).at(-1), 'backup -> master');
});
