import assert from 'node:assert/strict';
import test from 'node:test';
import { advert, Driver, HIGHER, LOWER, master, START, TICK, V2, V3 } from './fixture.ts';
import type { MachineEvent } from './machine.ts';
import { isDue, nextTickAt } from './machine-due.ts';
import { downIntervalMs } from './timers.ts';

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
  for (let at = now + 100; at < now + 10_000; at += 100) {
    assert.deepEqual(driver.at(at, advert(50, LOWER, 100)), []);
    assert.deepEqual(driver.at(at + 1, TICK), []);
    assert.equal(isDue(V3, driver.state, at + 1), false);
  }
});

test('a drained backup takes over as the last resort, after all that are not drained', () => {
  for (const config of [V2, V3]) {
    const own = downIntervalMs(config.version, 100, config.intervalMs);
    const lowest = downIntervalMs(config.version, 1, config.intervalMs);
    const driver = new Driver(config);
    driver.at(0, START);
    driver.at(0, DRAIN);
    // A worse master, for which the timer of one that preempts is not started again.
    driver.at(5000, advert(50, LOWER, config.intervalMs));
    const dueAt = 5000 + own + lowest;
    assert.equal(nextTickAt(config, driver.state), dueAt);
    assert.deepEqual(driver.at(dueAt - 1, TICK), []);
    const rise = ['add-addresses', 'garp 5', 'advert 1', 'backup -> master'];
    assert.deepEqual(driver.at(dueAt, TICK), rise);
    assert.ok(driver.state.drained && driver.state.lastResort);
    assert.deepEqual(driver.at(driver.state.advertAt, TICK), ['advert 1']);
  }
});

test('after priority 0 a drained backup waits for those that are not', () => {
  const driver = new Driver(V3);
  driver.at(0, START);
  driver.at(0, DRAIN);
  driver.at(5000, advert(50, LOWER, 100));
  driver.at(5010, advert(0, LOWER));
  const dueAt = nextTickAt(V3, driver.state);
  assert.ok(dueAt > 5010 + 3 * 100 && dueAt < 5000 + 361 + 399, `${dueAt}`);
});

/** Drained and master, because no other node was heard. */
function lastResort(): Driver {
  const driver = new Driver(V3);
  driver.at(0, START);
  driver.at(0, DRAIN);
  driver.at(nextTickAt(V3, driver.state), TICK);
  assert.ok(driver.state.lastResort);
  return driver;
}

test('the last resort yields to every other node and stays drained', () => {
  for (const [priority, source] of [
    [2, LOWER],
    [1, HIGHER],
  ] as const) {
    const driver = lastResort();
    const yields = driver.at(driver.state.lastSentAt + 10, advert(priority, source, 100));
    assert.deepEqual(yields, ['remove-addresses', 'advert 1', 'master -> backup']);
    assert.ok(driver.state.drained && !driver.state.lastResort);
  }
});

test('the last resort offers to leave, serves on meanwhile, and stays it when nobody follows', () => {
  const driver = lastResort();
  const now = driver.state.lastSentAt + 10;
  assert.deepEqual(driver.at(now, DRAIN), ['advert 0', 'master -> leaving']);
  const back = ['add-addresses', 'garp 5', 'advert 1', 'leaving -> master'];
  assert.deepEqual(driver.at(now + 1000, TICK), back);
  assert.ok(driver.state.drained && driver.state.lastResort);
  driver.at(now + 1010, DRAIN);
  const followed = ['remove-addresses', 'leaving -> backup'];
  assert.deepEqual(driver.at(now + 1020, advert(50, LOWER, 100)), followed);
  assert.ok(driver.state.drained && !driver.state.lastResort);
});

test('a last resort that is ready is an ordinary master at once', () => {
  const driver = lastResort();
  assert.deepEqual(driver.at(driver.state.lastSentAt + 10, READY), ['advert 100']);
  assert.ok(!driver.state.drained && !driver.state.lastResort);
  const later = driver.state.lastSentAt + 10;
  assert.deepEqual(driver.at(later, advert(50, LOWER, 100)), ['advert 100', 'garp 5']);
  assert.equal(driver.state.phase, 'master');
});

test('a last resort with a fault leaves for it, and is drained when the fault is over', () => {
  const driver = lastResort();
  const now = driver.state.lastSentAt + 10;
  assert.deepEqual(driver.at(now, track('x')), ['advert 0', 'master -> leaving']);
  driver.at(now + 100, TICK);
  assert.equal(driver.state.phase, 'fault');
  assert.deepEqual(driver.at(now + 200, track()), ['fault -> backup']);
  assert.ok(driver.state.drained && !driver.state.lastResort);
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
  assert.ok(driver.state.drained);
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
