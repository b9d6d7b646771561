import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  advert,
  Driver,
  GARP,
  HIGHER,
  LOWER,
  master,
  OWN,
  START,
  TICK,
  V2,
  V3,
} from './fixture.ts';
import type { MachineEvent } from './machine.ts';
import { isDue, nextTickAt } from './machine-due.ts';
import { downIntervalMs, farewellSkewMs, skewMs } from './timers.ts';

test('step() waits for the Master_Down_Interval of RFC 3768, also with state MASTER', () => {
  for (const initialState of ['master', 'backup'] as const) {
    const driver = new Driver({ ...V2, initialState });
    assert.deepEqual(driver.at(0, START), ['initialize -> backup']);
    assert.equal(nextTickAt(driver.config, driver.state), 3000 + (156 * 1000) / 256);
    assert.deepEqual(driver.at(3609, TICK), []);
    assert.deepEqual(driver.at(3610, TICK), [
      'add-addresses',
      'garp 5',
      'advert 100',
      'backup -> master',
    ]);
  }
});

test('step() makes the owner master at once, unless the probe still holds it', () => {
  const owner = { ...V2, priority: 255 };
  const driver = new Driver(owner);
  driver.at(0, START);
  assert.equal(driver.state.phase, 'master');
  const held = new Driver(owner);
  held.at(0, { kind: 'start', held: true });
  assert.equal(held.state.phase, 'backup');
  assert.equal(nextTickAt(owner, held.state), Number.POSITIVE_INFINITY);
  held.at(300, { kind: 'release' });
  assert.equal(held.state.phase, 'master');
});

test('step() restarts the timer on advertisements it accepts, ignores lower ones', () => {
  const driver = new Driver(V2);
  driver.at(0, START);
  driver.at(1000, advert(100));
  assert.equal(driver.state.down.startedAt, 1000);
  driver.at(2000, advert(99));
  assert.equal(driver.state.down.startedAt, 1000);
  assert.deepEqual(driver.state.master, { address: HIGHER, heardAt: 2000, priority: 99 });
});

test('step() leaves a lower master alone with nopreempt, but not with state MASTER', () => {
  const polite = new Driver({ ...V2, preempt: false });
  polite.at(0, START);
  polite.at(1000, advert(50));
  assert.equal(polite.state.down.startedAt, 1000);
  const owner = new Driver({ ...V2, preempt: false, initialState: 'master' });
  owner.at(0, START);
  owner.at(1000, advert(50));
  assert.equal(owner.state.down.startedAt, 0);
});

test('step() preempts after preempt_delay, counted from the first lower advertisement', () => {
  const driver = new Driver({ ...V2, preemptDelayMs: 5000 });
  driver.at(0, START);
  for (let now = 1000; now <= 6000; now += 1000) driver.at(now, advert(50));
  assert.equal(driver.state.down.startedAt, 5000);
  for (let now = 7000; now <= 9000; now += 1000) driver.at(now, advert(50));
  driver.at(9000, TICK);
  assert.equal(driver.state.phase, 'master');
});

test('step() waits only a short skew time after priority 0, also when it is said twice', () => {
  const driver = new Driver(V2);
  driver.at(0, START);
  driver.at(1000, advert(200));
  driver.at(2000, advert(0));
  driver.at(2030, advert(0));
  assert.equal(nextTickAt(driver.config, driver.state), 2000 + farewellSkewMs(2, 100, 1000));
  assert.equal(farewellSkewMs(2, 100, 1000), skewMs(3, 100, 100));
  assert.deepEqual(driver.at(2061, TICK).slice(0, 2), ['add-addresses', 'garp 5']);
});

test('step() adopts the interval of a v3 master, never of a v2 one', () => {
  const driver = new Driver(V3);
  driver.at(0, START);
  driver.at(10, advert(200, HIGHER, 500));
  assert.equal(nextTickAt(V3, driver.state), 10 + downIntervalMs(3, 100, 500));
  const v2 = new Driver(V2);
  v2.at(0, START);
  v2.at(10, advert(200, HIGHER, 500));
  assert.equal(nextTickAt(V2, v2.state), 10 + downIntervalMs(2, 100, 1000));
});

test('step() rescales a running timer when the effective priority changes', () => {
  const driver = new Driver(V2);
  driver.at(0, START);
  driver.at(1000, { kind: 'track', priorityDelta: -50, faults: [] });
  assert.equal(nextTickAt(driver.config, driver.state), 3000 + skewMs(2, 50, 1000));
});

test('step() as master advertises each interval and announces a second time', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  for (let count = 1; count <= 4; count += 1) {
    assert.deepEqual(driver.at(since + count * 1000, TICK), ['advert 100']);
  }
  assert.deepEqual(driver.at(since + 5000, TICK), ['advert 100', 'garp 5']);
  assert.deepEqual(driver.at(since + 6000, TICK), ['advert 100']);
});

test('step() as master does not add up the lateness of its timer', () => {
  const driver = master(V3);
  const since = driver.state.lastSentAt;
  for (let count = 1; count <= 100; count += 1) driver.at(since + count * 100 + 3, TICK);
  assert.equal(driver.state.advertAt, since + 10_100);
  driver.at(since + 10_250, TICK);
  assert.equal(driver.state.advertAt, since + 10_350);
});

test('step() as master refreshes its announcements when asked to', () => {
  const driver = master({ ...V2, garp: { ...GARP, delayMs: 0, refreshMs: 2000 } });
  const since = driver.state.lastSentAt;
  assert.deepEqual(driver.at(since + 1000, TICK), ['advert 100']);
  assert.deepEqual(driver.at(since + 2000, TICK), ['advert 100', 'garp 1']);
  assert.deepEqual(driver.at(since + 4000, TICK), ['advert 100', 'garp 1']);
});

test('step() yields to a higher priority, and to an equal one with a higher address', () => {
  for (const rival of [advert(101, LOWER), advert(100, HIGHER)]) {
    const driver = master(V2);
    const now = driver.state.lastSentAt + 100;
    assert.deepEqual(driver.at(now, rival), ['remove-addresses', 'advert 100', 'master -> backup']);
    assert.equal(driver.state.master?.heardAt, now);
  }
});

test('step() answers a lower rival at once with an advertisement and announcements', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  assert.deepEqual(driver.at(since + 2000, advert(99)), ['advert 100', 'garp 5']);
  assert.deepEqual(driver.at(since + 2100, advert(100, LOWER)), ['advert 100', 'garp 5']);
  assert.deepEqual(driver.at(since + 2100, advert(100, LOWER)), []);
  assert.deepEqual(driver.at(since + 2104, TICK), ['garp 5']);
});

test('step() as master answers priority 0 with an advertisement', () => {
  const driver = master(V2);
  assert.deepEqual(driver.at(driver.state.lastSentAt + 500, advert(0)), ['advert 100']);
});

test('step() in FAULT says priority 0, then drops the addresses, ignores adverts, comes back', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  const fault: MachineEvent = { kind: 'track', priorityDelta: 0, faults: ['script "x" fails'] };
  assert.deepEqual(driver.at(since + 100, fault), ['advert 0', 'master -> leaving']);
  assert.deepEqual(driver.at(since + 200, advert(1)), ['remove-addresses', 'leaving -> fault']);
  assert.deepEqual(driver.at(since + 250, advert(1)), []);
  assert.equal(nextTickAt(V2, driver.state), Number.POSITIVE_INFINITY);
  const clear: MachineEvent = { kind: 'track', priorityDelta: 0, faults: [] };
  assert.deepEqual(driver.at(since + 300, clear), ['fault -> backup']);
  assert.equal(driver.state.down.startedAt, since + 300);
});

test('step() tells a new priority at once while master', () => {
  const driver = master(V2);
  const event: MachineEvent = { kind: 'track', priorityDelta: -30, faults: [] };
  assert.deepEqual(driver.at(driver.state.lastSentAt + 10, event), ['advert 70']);
});

test('step() after a stall drops the addresses before anything else', () => {
  for (const event of [TICK, advert(50), { kind: 'foreign-claim' } as const]) {
    const driver = master(V2);
    const woken = driver.state.lastSentAt + 3611;
    assert.deepEqual(driver.at(woken, event), ['remove-addresses', 'master -> backup']);
    assert.ok(nextTickAt(V2, driver.state) >= woken + 3000);
  }
});

test('step() goes back to master when the fault goes before anybody has followed', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  driver.at(since + 100, { kind: 'track', priorityDelta: 0, faults: ['x'] });
  assert.deepEqual(driver.at(since + 300, { kind: 'track', priorityDelta: 0, faults: [] }), []);
  assert.equal(nextTickAt(V2, driver.state), since + 300, 'after the sockets are read');
  const back = ['add-addresses', 'garp 5', 'advert 100', 'leaving -> master'];
  assert.deepEqual(driver.at(since + 300, TICK), back);
  driver.at(since + 400, { kind: 'track', priorityDelta: 0, faults: ['x'] });
  driver.at(since + 500, { kind: 'track', priorityDelta: 0, faults: [] });
  const followed = ['remove-addresses', 'leaving -> fault', 'fault -> backup'];
  assert.deepEqual(driver.at(since + 500, advert(90)), followed);
});

test('step() on stop leaves with priority 0, and says so again when nobody follows', () => {
  const driver = master(V2);
  assert.deepEqual(driver.at(driver.state.lastSentAt + 10, { kind: 'stop' }), [
    'advert 0',
    'master -> leaving',
  ]);
  const { until } = driver.state.leave ?? { until: 0 };
  assert.equal(until, driver.state.lastSentAt + 1000);
  assert.deepEqual(driver.at(until - 1, advert(0)), []);
  assert.deepEqual(driver.at(until, TICK), [
    'remove-addresses',
    'leaving -> initialize',
    'advert 0',
  ]);
  const backup = new Driver(V2);
  backup.at(0, START);
  assert.deepEqual(backup.at(10, { kind: 'stop' }), ['backup -> initialize']);
});

test('step() answers a foreign ARP claim with announcements, while master only', () => {
  const driver = master(V2);
  const claim: MachineEvent = { kind: 'foreign-claim' };
  const since = driver.state.lastSentAt;
  driver.at(since + 1000, TICK);
  assert.deepEqual(driver.at(since + 1500, claim), ['garp 5']);
  const backup = new Driver(V2);
  backup.at(0, START);
  assert.deepEqual(backup.at(10, claim), []);
});

test('a node that slept through the lifetime of its VIP does not draw the clients to itself', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  assert.deepEqual(driver.at(since + 2500, { kind: 'address-lost' }), ['add-addresses', 'garp 5']);
  const sleeper = master(V2);
  const woken = sleeper.state.lastSentAt + 3700;
  assert.deepEqual(sleeper.at(woken, { kind: 'address-lost' }), [
    'remove-addresses',
    'master -> backup',
  ]);
  assert.deepEqual(sleeper.at(woken, { kind: 'address-lost' }), []);
});

test('a backup that slept does not take the VIP before it has read what came meanwhile', () => {
  const driver = new Driver({ ...V2, preempt: false });
  driver.at(0, START);
  driver.at(1000, advert(50));
  const verdict: MachineEvent = { kind: 'track', priorityDelta: 0, faults: [] };
  assert.deepEqual(driver.at(9000, verdict), []);
  assert.deepEqual(driver.at(9000, advert(50)), []);
  assert.deepEqual(driver.at(9000, TICK), []);
});

test('a member of a sync group waits for its group, and follows it both ways', () => {
  const driver = new Driver({ ...V2, grouped: true });
  driver.at(0, START);
  assert.equal(isDue(driver.config, driver.state, 3609), false);
  assert.equal(isDue(driver.config, driver.state, 3610), true);
  assert.deepEqual(driver.at(3610, TICK), []);
  const follow = (to: 'master' | 'backup'): MachineEvent => ({ kind: 'follow', to, group: 'G1' });
  assert.deepEqual(driver.at(3620, follow('backup')), []);
  assert.deepEqual(driver.at(3620, follow('master')), [
    'add-addresses',
    'garp 5',
    'advert 100',
    'backup -> master',
  ]);
  assert.deepEqual(driver.at(3700, follow('master')), []);
  assert.deepEqual(driver.at(3700, follow('backup')), [
    'remove-addresses',
    'advert 0',
    'master -> backup',
  ]);
});

const events: fc.Arbitrary<MachineEvent> = fc.oneof(
  fc.constantFrom<MachineEvent>(
    { kind: 'follow', to: 'master', group: 'G1' },
    { kind: 'follow', to: 'backup', group: 'G1' },
  ),
  { weight: 6, arbitrary: fc.constant(TICK) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('advert' as const),
      source: fc.constantFrom(LOWER, HIGHER),
      priority: fc.constantFrom(0, 1, 99, 100, 101, 254, 255),
      intervalMs: fc.constantFrom(100, 1000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('track' as const),
      priorityDelta: fc.integer({ min: -253, max: 253 }),
      faults: fc.constantFrom<readonly string[]>([], [], ['a fault']),
    }),
  },
  { weight: 1, arbitrary: fc.constant<MachineEvent>({ kind: 'foreign-claim' }) },
  { weight: 1, arbitrary: fc.constant<MachineEvent>({ kind: 'release' }) },
  { weight: 1, arbitrary: fc.constant<MachineEvent>({ kind: 'stop' }) },
  { weight: 1, arbitrary: fc.constant(START) },
);

const configs = fc.record({
  version: fc.constantFrom<2 | 3>(2, 3),
  priority: fc.constantFrom(1, 100, 254, 255),
  initialState: fc.constantFrom<'master' | 'backup'>('master', 'backup'),
  intervalMs: fc.constantFrom(1000),
  preempt: fc.boolean(),
  preemptDelayMs: fc.constantFrom(0, 3000),
  address: fc.constant(OWN),
  garp: fc.record({
    repeat: fc.constantFrom(0, 5),
    delayMs: fc.constantFrom(0, 5000),
    rivalRepeat: fc.constantFrom(0, 3),
    rivalDelayMs: fc.constantFrom(0, 4000),
    refreshMs: fc.constantFrom(0, 1000),
    refreshRepeat: fc.constantFrom(1, 2),
  }),
  answersLower: fc.boolean(),
  saysFarewell: fc.boolean(),
});

test('step() keeps its invariants under any order of events', () => {
  const steps = fc.array(fc.tuple(events, fc.integer({ min: 0, max: 5000 })), { maxLength: 60 });
  fc.assert(
    fc.property(configs, steps, (config, sequence) => {
      const driver = new Driver(config);
      let held = false;
      let now = 0;
      driver.at(now, START);
      for (const effect of driver.effects) if (effect.kind === 'add-addresses') held = true;
      for (const [event, pauseMs] of sequence) {
        const before = driver.state;
        now += pauseMs;
        driver.at(now, event);
        for (const effect of driver.effects) {
          if (effect.kind === 'add-addresses') {
            assert.ok(!held || before.phase === 'leaving', 'addresses are added once');
            held = true;
          } else if (effect.kind === 'remove-addresses') {
            assert.equal(held, true, 'only held addresses are removed');
            held = false;
          } else if (effect.kind === 'garp') {
            assert.equal(held, true, 'only held addresses are announced');
          }
        }
        const { state } = driver;
        const isMaster = state.phase === 'master' || state.phase === 'leaving';
        assert.equal(held, isMaster, 'addresses are held by the master alone');
        if (state.phase === 'master' || state.phase === 'backup') {
          assert.deepEqual(state.faults, [], 'no part in the election with a fault');
        }
        assert.ok(state.effectivePriority >= 1 && state.effectivePriority <= 255);
        if (before.phase === state.phase) assert.ok(state.transitions - before.transitions !== 1);
        const sent = driver.effects.findIndex(({ kind }) => kind === 'send-advert');
        const asleep = now - before.lastSentAt > downIntervalMs(2, 1, 1000);
        if (before.phase === 'master' && asleep && sent !== -1) {
          const removed = driver.effects.findIndex(({ kind }) => kind === 'remove-addresses');
          assert.ok(removed !== -1 && removed < sent, 'after a stall the addresses go first');
        }
      }
    }),
    { numRuns: 400 },
  );
});

test('step() follows lower_prio_no_advert, higher_prio_send_advert and garp_lower_prio_*', () => {
  const garp = { ...GARP, delayMs: 0, rivalRepeat: 2, rivalDelayMs: 3000 };
  const silent = master({ ...V2, garp, answersLower: false, saysFarewell: false });
  const since = silent.state.lastSentAt;
  assert.deepEqual(silent.at(since + 2000, advert(99)), ['garp 2']);
  assert.deepEqual(silent.at(since + 3000, TICK), ['advert 100']);
  assert.deepEqual(silent.at(since + 4000, TICK), ['advert 100']);
  assert.deepEqual(silent.at(since + 5000, TICK), ['advert 100', 'garp 2']);
  assert.deepEqual(silent.at(since + 5100, advert(200)), ['remove-addresses', 'master -> backup']);
  const mute = master({ ...V2, garp: { ...GARP, rivalRepeat: 0 } });
  assert.deepEqual(mute.at(mute.state.lastSentAt + 2000, advert(99)), ['advert 100']);
  const claim: MachineEvent = { kind: 'foreign-claim' };
  assert.deepEqual(mute.at(mute.state.lastSentAt + 10, claim), ['garp 5']);
});

test('step() announces garp_master_refresh_repeat times at each refresh', () => {
  const garp = { ...GARP, delayMs: 0, refreshMs: 2000, refreshRepeat: 3 };
  const driver = master({ ...V2, garp });
  const since = driver.state.lastSentAt;
  assert.deepEqual(driver.at(since + 2000, TICK), ['advert 100', 'garp 3']);
});

test('step() as master answers a flood with ten advertisements in an interval at most', () => {
  const driver = master(V2);
  const since = driver.state.lastSentAt;
  let sent = 0;
  for (let now = since; now < since + 1000; now += 1) {
    for (const event of [advert(99), advert(0)]) {
      sent += driver.at(now, event).filter((effect) => effect === 'advert 100').length;
    }
  }
  assert.ok(sent >= 5 && sent <= 10, `${sent} answers`);
});
