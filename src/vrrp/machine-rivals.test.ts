/** What a master does about those who claim its addresses, and how soon clients hear of it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { advert, Driver, GARP, HIGHER, LOWER, START, TICK, V3 } from './fixture.ts';
import type { MachineEvent } from './machine.ts';
import { nextTickAt } from './machine-due.ts';

const CLAIM: MachineEvent = { kind: 'foreign-claim' };

function volleys(effects: readonly string[]): number {
  return effects.filter((effect) => effect.startsWith('garp')).length;
}

/** A backup that has just followed a master which left. */
function risen(priority: number, address: number): Driver {
  const driver = new Driver({ ...V3, priority, address, garp: { ...GARP, delayMs: 50 } });
  driver.at(0, START);
  driver.at(1000, advert(250, HIGHER + 1, 100));
  driver.at(1010, advert(0, HIGHER + 1, 100));
  driver.at(nextTickAt(driver.config, driver.state), TICK);
  assert.equal(driver.state.phase, 'master');
  return driver;
}

test('clients that heard the weaker of two nodes that rose together lost their packets for 40 ms', () => {
  const better = risen(230, LOWER);
  const worse = risen(210, HIGHER);
  const now = worse.state.lastSentAt;
  assert.ok(now - better.state.lastSentAt < 10);
  // What the worse one announced drew the clients to it: they are called back at once, not 50 ms later.
  assert.deepEqual(better.at(now, CLAIM), ['garp 5']);
  // It yields, and its farewell is the end of what clients may have heard of it.
  const yielded = worse.at(now + 0.5, advert(230, LOWER, 100));
  assert.deepEqual(yielded, ['remove-addresses', 'advert 210', 'master -> backup']);
  better.at(now + 0.5, advert(210, HIGHER, 100));
  assert.ok(nextTickAt(better.config, better.state) <= now + 1);
  assert.deepEqual(better.at(now + 1, TICK), ['garp 5']);
});

test('a rival that missed an advertisement was left alone for an interval', () => {
  const better = risen(230, LOWER);
  const sentAt = better.state.lastSentAt;
  // Too soon for another one; the next is due as soon as there may be one.
  better.at(sentAt + 8, advert(210, HIGHER, 100));
  better.at(sentAt + 9, TICK);
  assert.equal(nextTickAt(better.config, better.state), sentAt + 10);
  assert.deepEqual(better.at(sentAt + 10, TICK), ['advert 230']);
  assert.equal(better.state.advertAt, sentAt + 110);
});

test('claims without end are answered ever later, once a second in the end, and at once after a rest', () => {
  const driver = risen(230, LOWER);
  const since = driver.state.lastSentAt + 60;
  driver.at(since, TICK);
  let count = 0;
  for (let now = since; now < since + 10_000; now += 1) {
    count += volleys(driver.at(now, CLAIM));
    if (now >= nextTickAt(driver.config, driver.state)) count += volleys(driver.at(now, TICK));
  }
  assert.ok(count >= 10 && count <= 16, `${count} volleys in ten seconds`);
  const last = driver.state.defence.due?.at ?? Number.NaN;
  // Whoever claims last is answered.
  for (let now = since + 10_000; now <= last; now += 50) driver.at(now, TICK);
  assert.equal(volleys(driver.at(last, TICK)), 1);
  for (let now = last; now <= last + 10_001; now += 100) driver.at(now, TICK);
  assert.deepEqual(driver.at(last + 10_001, CLAIM), ['garp 5']);
});

test('an answer to a rival leaves what was planned as it was', () => {
  const driver = risen(230, LOWER);
  const planned = driver.state.nextGarp;
  assert.ok(planned !== null);
  driver.at(planned.at - 30, CLAIM);
  driver.at(planned.at - 30, CLAIM);
  driver.at(planned.at - 29, TICK);
  assert.deepEqual(driver.state.nextGarp, planned);
});

test('who is master no more owes nobody an answer', () => {
  const driver = risen(210, HIGHER);
  const now = driver.state.lastSentAt + 1;
  driver.at(now, CLAIM);
  driver.at(now, CLAIM);
  assert.ok(driver.state.defence.due !== null);
  driver.at(now, advert(230, LOWER, 100));
  assert.equal(driver.state.phase, 'backup');
  assert.equal(driver.state.defence.due, null);
});
