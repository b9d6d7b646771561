import assert from 'node:assert/strict';
import test from 'node:test';
import { advert, Driver, master, START, TICK, V2 } from './fixture.ts';
import type { MachineEvent, Phase } from './machine.ts';
import { TABLE } from './machine-table.ts';
import { downIntervalMs } from './timers.ts';

const PHASES: readonly Phase[] = ['initialize', 'backup', 'master', 'leaving', 'fault'];
const claim: MachineEvent = { kind: 'foreign-claim' };
const lost: MachineEvent = { kind: 'address-lost' };
const resume: MachineEvent = { kind: 'resume', sentAt: 0, intervalMs: 1000 };
const rise: MachineEvent = { kind: 'follow', to: 'master', group: 'G1' };
const sink: MachineEvent = { kind: 'follow', to: 'backup', group: 'G1' };
const track = (faults: readonly string[]): MachineEvent => {
  return { kind: 'track', priorityDelta: 0, faults };
};
const reload = (faults: readonly string[]): MachineEvent => {
  return { kind: 'reload', priorityDelta: 0, faults };
};
const drain: MachineEvent = { kind: 'drain', waitMs: 1000 };
const ready: MachineEvent = { kind: 'ready' };
/** What each event does in each phase. */
const ROWS: Readonly<Record<Phase, readonly (readonly [MachineEvent, readonly string[]])[]>> = {
  initialize: [
    [START, ['initialize -> backup']],
    [resume, ['add-addresses', 'garp 5', 'advert 100', 'initialize -> master']],
    [{ kind: 'release' }, []],
    [advert(255), []],
    [TICK, []],
    [track([]), []],
    [reload([]), []],
    [rise, []],
    [claim, []],
    [lost, []],
    [drain, []],
    [ready, []],
    [{ kind: 'stop' }, []],
  ],
  backup: [
    [START, []],
    [resume, []],
    [{ kind: 'release' }, []],
    [advert(255), []],
    [TICK, []],
    [track(['x']), ['backup -> fault']],
    [reload(['x']), ['backup -> fault']],
    [reload([]), []],
    [rise, ['add-addresses', 'garp 5', 'advert 100', 'backup -> master']],
    [sink, []],
    [claim, []],
    [lost, []],
    [drain, []],
    [ready, []],
    [{ kind: 'stop' }, ['backup -> initialize']],
  ],
  master: [
    [START, []],
    [resume, []],
    [{ kind: 'release' }, []],
    [advert(255), ['remove-addresses', 'advert 100', 'master -> backup']],
    [advert(1), ['advert 100', 'garp 5']],
    [advert(0), ['advert 100']],
    [TICK, ['advert 100']],
    [track(['x']), ['advert 0', 'master -> leaving']],
    [reload([]), ['advert 100']],
    [reload(['x']), ['advert 0', 'master -> leaving']],
    [rise, []],
    [sink, ['remove-addresses', 'advert 0', 'master -> backup']],
    [claim, ['garp 5']],
    [lost, ['add-addresses', 'garp 5']],
    [drain, ['advert 0', 'master -> leaving']],
    [ready, []],
    [{ kind: 'stop' }, ['advert 0', 'master -> leaving']],
  ],
  leaving: [
    [START, []],
    [resume, []],
    [{ kind: 'release' }, []],
    [advert(0), []],
    [advert(1), ['remove-addresses', 'leaving -> fault']],
    [TICK, ['remove-addresses', 'leaving -> fault', 'advert 0']],
    [track(['x']), []],
    [reload(['x']), []],
    [rise, []],
    [sink, []],
    [claim, []],
    [lost, ['add-addresses']],
    [drain, []],
    [ready, []],
    [{ kind: 'stop' }, []],
  ],
  fault: [
    [START, []],
    [resume, []],
    [{ kind: 'release' }, []],
    [advert(255), []],
    [TICK, []],
    [track([]), ['fault -> backup']],
    [reload([]), ['fault -> backup']],
    [rise, []],
    [claim, []],
    [lost, []],
    [drain, []],
    [ready, []],
    [{ kind: 'stop' }, ['fault -> initialize']],
  ],
};

test('the table has a row for every event in every phase, with a reason', () => {
  for (const phase of PHASES) {
    const kinds = new Set(ROWS[phase].map(([event]) => event.kind));
    assert.deepEqual(Object.keys(TABLE[phase]).toSorted(), [...kinds].toSorted(), phase);
    for (const [kind, { because }] of Object.entries(TABLE[phase])) {
      assert.match(because, /\w{4}/, `${phase} ${kind}`);
    }
    for (const [event, effects] of ROWS[phase]) {
      const { driver, now } = inPhase(phase);
      assert.deepEqual(driver.at(now, event), effects, `${phase}: ${JSON.stringify(event)}`);
    }
  }
});

test('only within its down interval, and with nothing against it, does a killed master go on', () => {
  const resume: MachineEvent = { kind: 'resume', sentAt: 1000, intervalMs: 1000 };
  const downMs = downIntervalMs(2, V2.priority, V2.intervalMs);
  assert.deepEqual(new Driver(V2).at(1000 + downMs, resume).at(-1), 'initialize -> master');
  assert.deepEqual(new Driver(V2).at(1001 + downMs, resume), ['initialize -> backup']);
  const faulty = new Driver(V2);
  faulty.at(1000, { kind: 'track', priorityDelta: 0, faults: ['x'] });
  assert.deepEqual(faulty.at(1000, resume), ['initialize -> fault']);
});

/** A machine in that phase, and a moment at which only a master's timer is due. */
function inPhase(phase: Phase): { readonly driver: Driver; readonly now: number } {
  if (phase === 'master') {
    const driver = master(V2);
    return { driver, now: driver.state.lastSentAt + 1000 };
  }
  if (phase === 'leaving') {
    const driver = master(V2);
    const since = driver.state.lastSentAt;
    driver.at(since, { kind: 'track', priorityDelta: 0, faults: ['x'] });
    return { driver, now: since + 1000 };
  }
  const driver = new Driver(V2);
  if (phase !== 'initialize') driver.at(0, START);
  if (phase === 'fault') driver.at(0, { kind: 'track', priorityDelta: 0, faults: ['x'] });
  assert.equal(driver.state.phase, phase);
  return { driver, now: 1000 };
}
