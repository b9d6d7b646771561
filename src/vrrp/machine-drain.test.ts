import assert from 'node:assert/strict';
import test from 'node:test';
import { advert, Driver, LOWER, master, START, TICK, V2, V3 } from './fixture.ts';
import type { MachineEvent } from './machine.ts';
import { isDue, nextTickAt } from './machine-due.ts';

const DRAIN: MachineEvent = { kind: 'drain', waitMs: 1000 };
const READY: MachineEvent = { kind: 'ready' };
const track = (...faults: readonly string[]): MachineEvent => {
  return { kind: 'track', priorityDelta: 0, faults };
};

/** Drained as a master, and another has followed. */
function drained(): { readonly driver: Driver; readonly now: number } {
  const driver = master(V3);
  const now = driver.state.lastSentAt + 10;
  assert.deepEqual(driver.at(now, DRAIN), ['advert 0', 'master -> leaving']);
  const followed = ['remove-addresses', 'leaving -> backup'];
  assert.deepEqual(driver.at(now + 10, advert(50, LOWER, 100)), followed);
  return { driver, now: now + 10 };
}

test('a drained master serves on until another follows, and takes nothing back', () => {
  const { driver, now } = drained();
  assert.equal(driver.state.master?.address, LOWER);
  assert.equal(nextTickAt(V3, driver.state), Number.POSITIVE_INFINITY);
  assert.deepEqual(driver.at(now + 5000, advert(0, LOWER)), []);
  assert.deepEqual(driver.at(now + 60_000, TICK), []);
  assert.equal(isDue(V3, driver.state, now + 60_000), false);
});

test('ready again, it is master as soon as the protocol lets it', () => {
  const { driver, now } = drained();
  driver.at(now + 5000, advert(50, LOWER, 100));
  assert.deepEqual(driver.at(now + 5000, READY), []);
  assert.equal(driver.at(now + 5000, TICK).at(-1), 'backup -> master');
  const patient = new Driver({ ...V3, preempt: false });
  patient.at(0, START);
  patient.at(0, DRAIN);
  patient.at(5000, advert(50, LOWER, 100));
  patient.at(5010, READY);
  assert.deepEqual(patient.at(5020, TICK), []);
  assert.ok(nextTickAt(patient.config, patient.state) > 5300, 'nopreempt: the timer was restarted');
});

test('where nobody follows it stays master and is not drained', () => {
  for (const config of [V2, V3]) {
    const driver = master(config);
    const now = driver.state.lastSentAt + 10;
    driver.at(now, DRAIN);
    const dueAt = now + 1000;
    assert.equal(nextTickAt(config, driver.state), dueAt);
    assert.deepEqual(driver.at(dueAt - 1, TICK), []);
    const back = ['add-addresses', 'garp 5', 'advert 100', 'leaving -> master'];
    assert.deepEqual(driver.at(dueAt, TICK), back);
    assert.equal(driver.state.drained, false);
  }
});

test('a drain outlives news of tracking, and a fault its end', () => {
  const driver = master(V3);
  const now = driver.state.lastSentAt + 10;
  driver.at(now, DRAIN);
  assert.deepEqual(driver.at(now + 1, track()), []);
  assert.deepEqual(driver.at(now + 2, track('x')), []);
  assert.deepEqual(driver.at(now + 3, track()), []);
  driver.at(now + 4, track('x'));
  assert.deepEqual(driver.at(now + 5, advert(50, LOWER, 100)), [
    'remove-addresses',
    'leaving -> fault',
  ]);
  assert.deepEqual(driver.at(now + 6, track()), ['fault -> backup']);
  assert.equal(nextTickAt(V3, driver.state), Number.POSITIVE_INFINITY);
});

test('ready during a drain: it stays, unless somebody has followed', () => {
  const driver = master(V3);
  const now = driver.state.lastSentAt + 10;
  driver.at(now, DRAIN);
  assert.deepEqual(driver.at(now + 5, READY), []);
  assert.equal(driver.at(now + 5, TICK).at(-1), 'leaving -> master');
});

test('a stop during a drain ends as a stop', () => {
  const driver = master(V3);
  const now = driver.state.lastSentAt + 10;
  driver.at(now, DRAIN);
  driver.at(now + 1, { kind: 'stop' });
  assert.deepEqual(driver.at(now + 2, advert(50, LOWER, 100)), [
    'remove-addresses',
    'leaving -> initialize',
  ]);
});

test('one that is drained before it starts is no master, not even of its own address', () => {
  const owner = new Driver({ ...V3, priority: 255 });
  owner.at(0, DRAIN);
  assert.deepEqual(owner.at(0, START), ['initialize -> backup']);
  assert.deepEqual(owner.at(1, { kind: 'reload', priorityDelta: 0, faults: [] }), []);
  assert.deepEqual(owner.at(1, TICK), []);
  owner.at(2, READY);
  assert.equal(owner.at(2, TICK).at(-1), 'backup -> master');
});
