import assert from 'node:assert/strict';
import test from 'node:test';
import { AddressProbe } from './probe.ts';

const MAC = '02:00:00:00:00:01';
const VIP = 0x0a630064;

/** Turns the probe every 10 ms until it has a verdict; `onProbe` is called for each probe sent. */
function run(probe: AddressProbe, onProbe: (now: number) => void) {
  for (let now = 0; now < 10_000; now += 10) {
    if (probe.takeDue(now)) onProbe(now);
    const verdict = probe.verdict(now);
    if (verdict.kind !== 'running') return { verdict, now };
  }
  throw new Error('The probe never ends');
}

test('AddressProbe asks three times and ends within 0.3 s when nobody answers', () => {
  const sentAt: number[] = [];
  const { verdict, now } = run(new AddressProbe(0, 3600), (at) => sentAt.push(at));
  assert.deepEqual(verdict, { kind: 'free' });
  assert.deepEqual(sentAt, [0, 100, 200]);
  assert.equal(now, 300);
});

test('AddressProbe takes an answer as the master when its router is heard', () => {
  const probe = new AddressProbe(0, 3600);
  const { verdict, now } = run(probe, (at) => {
    probe.onAnswer(MAC, VIP, at);
    if (at > 800) probe.onOwnerHeard();
  });
  assert.deepEqual(verdict, { kind: 'free' });
  assert.ok(now < 1200);
});

test('AddressProbe names who answers in silence to the end', () => {
  const probe = new AddressProbe(0, 3600);
  const { verdict, now } = run(probe, (at) => probe.onAnswer(MAC, VIP, at));
  assert.deepEqual(verdict, { kind: 'taken', mac: MAC, address: VIP });
  assert.ok(now < 5100, `${now}`);
});

test('AddressProbe waits for the address of a killed master to go', () => {
  const probe = new AddressProbe(0, 360);
  const { verdict, now } = run(probe, (at) => {
    if (at < 2800) probe.onAnswer(MAC, VIP, at);
  });
  assert.deepEqual(verdict, { kind: 'free' });
  assert.ok(now < 3700, `${now}`);
});

test('a node that starts while two masters are killed in turn does not refuse to start', () => {
  const probe = new AddressProbe(0, 360);
  const { verdict } = run(probe, (at) => {
    if (at < 2500) probe.onAnswer(MAC, VIP, at);
    else if (at < 5400) probe.onAnswer('02:00:00:00:00:02', VIP, at);
  });
  assert.deepEqual(verdict, { kind: 'free' });
});

test('a node that starts before a master is killed does not refuse to start', () => {
  const probe = new AddressProbe(0, 3600);
  const { verdict } = run(probe, (at) => {
    // Killed 1 s after the first answer, before it advertised; the kernel answers for 3 s more.
    if (at < 4000) probe.onAnswer(MAC, VIP, at);
  });
  assert.deepEqual(verdict, { kind: 'free' });
});

/** As run(), on a machine that sleeps once, from `at` on; answers come a turn later, as from a socket. */
function runAsleep(sleep: { readonly at: number; readonly ms: number }, answersUntil: number) {
  const probe = new AddressProbe(0, 3600);
  let asked = false;
  for (let now = 0; now < 30_000; now += now === sleep.at ? sleep.ms : 10) {
    if (asked && now < answersUntil) probe.onAnswer(MAC, VIP, now);
    asked = probe.takeDue(now);
    const verdict = probe.verdict(now);
    if (verdict.kind !== 'running') return verdict.kind;
  }
  return 'never';
}

test('a machine that slept while it probed took the address of a stranger', () => {
  for (const ms of [300, 900, 3000, 6000]) {
    for (let at = 0; at < 6000; at += 250) {
      assert.equal(runAsleep({ at, ms }, Number.POSITIVE_INFINITY), 'taken', `${ms} ms at ${at}`);
    }
  }
});

test('an owner that was killed is no stranger because of a sleep', () => {
  for (const ms of [300, 900, 3000, 6000]) {
    for (let at = 0; at < 4000; at += 250) {
      assert.equal(runAsleep({ at, ms }, 2800), 'free', `${ms} ms at ${at}`);
    }
  }
});

test('AddressProbe does not judge without time to hear an owner', () => {
  assert.throws(() => new AddressProbe(0, 0), /time to be heard/);
  assert.throws(() => new AddressProbe(0, Number.NaN), /time to be heard/);
});
