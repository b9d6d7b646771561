import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type SupervisionEffect,
  type SupervisionEvent,
  type SupervisionState,
  startSupervision,
  superviseStep,
} from './supervision.ts';

const TIMES = { graceMs: 1000, startMs: 10_000 };

/** Feeds events at their times and collects every effect. */
function play(events: readonly (readonly [number, SupervisionEvent])[]): {
  readonly state: SupervisionState;
  readonly effects: readonly SupervisionEffect[];
} {
  let { state, effects } = startSupervision(0, false);
  for (const [now, event] of events) {
    const step = superviseStep(state, event, now, TIMES);
    state = step.state;
    effects = [...effects, ...step.effects];
  }
  return { state, effects };
}

const kinds = (effects: readonly SupervisionEffect[]): string[] =>
  effects.map((effect) => (effect.kind === 'count' ? `count ${effect.serving}` : effect.kind));

describe('superviseStep()', () => {
  it('replaces a serving balancer at once and keeps the node counted', () => {
    const { state, effects } = play([
      [100, { kind: 'serving' }],
      [5000, { kind: 'ended', why: 'killed' }],
      [5300, { kind: 'serving' }],
      [9000, { kind: 'tick' }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'count true', 'spawn']);
    assert.equal(state.phase, 'serving');
    assert.equal(state.restarts, 1);
  });

  it('passes no state on that a successor fails on, nor what one told that broke the protocol', () => {
    const serves = [100, { kind: 'serving' }] as const;
    const forgets = (...events: readonly (readonly [number, SupervisionEvent])[]) =>
      kinds(play([serves, ...events]).effects).includes('forget-servers');
    const killed = { kind: 'ended', why: 'killed' } as const;
    assert.ok(!forgets([200, killed]), 'it is what a successor is for');
    assert.ok(!forgets([200, killed], [201, killed]), 'the successor was killed once');
    assert.ok(forgets([200, killed], [201, killed], [202, killed]));
    assert.ok(forgets([200, killed], [201, { ...killed, fault: 'failed' }]));
    assert.ok(!forgets([200, { ...killed, fault: 'failed' }]), 'a relay failed, the state is good');
    assert.ok(forgets([200, { ...killed, fault: 'breach' }]));
    const { effects } = play([serves, [200, { ...killed, fault: 'breach' }]]);
    assert.deepEqual(kinds(effects).slice(-2), ['forget-servers', 'spawn'], 'in this order');
  });

  it('stops counting the node when nobody serves within the grace period', () => {
    const { effects } = play([
      [100, { kind: 'serving' }],
      [5000, { kind: 'ended', why: 'killed' }],
      [5999, { kind: 'tick' }],
      [6000, { kind: 'tick' }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'count true', 'spawn', 'count false']);
  });

  it('gives up at once when the first in its place ends without serving', () => {
    const { state, effects } = play([
      [100, { kind: 'serving' }],
      [5000, { kind: 'ended', why: 'killed' }],
      [5002, { kind: 'ended', why: 'killed, too' }],
      [5004, { kind: 'tick' }],
      [5300, { kind: 'serving' }],
    ]);
    const before = ['spawn', 'count true', 'spawn', 'count false', 'spawn'];
    assert.deepEqual(kinds(effects), [...before, 'count true']);
    assert.equal(state.counted, true);
  });

  it('gives up at once without the spare that there is to be', () => {
    const { effects } = play([
      [100, { kind: 'serving' }],
      [5000, { kind: 'ended', why: 'killed', alone: true }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'count true', 'count false', 'spawn']);
  });

  it('lets the grace period of a hung balancer run from when its beats stopped', () => {
    const { effects } = play([
      [100, { kind: 'serving' }],
      [5000, { kind: 'hung', why: 'relay 0' }],
      [5600, { kind: 'ended', why: 'killed' }],
      [6000, { kind: 'tick' }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'count true', 'kill', 'spawn', 'count false']);
  });

  it('waits longer between starts that never serve, two seconds at most', () => {
    let { state } = startSupervision(0, false);
    let now = 0;
    const pauses: number[] = [];
    for (let start = 0; start < 8; start++) {
      const ended = superviseStep(state, { kind: 'ended', why: 'exit 1' }, now, TIMES);
      const wait = (ended.state.restartAt ?? now) - now;
      pauses.push(wait);
      now += wait;
      state = superviseStep(ended.state, { kind: 'tick' }, now, TIMES).state;
    }
    assert.deepEqual(pauses, [0, 100, 200, 500, 1000, 2000, 2000, 2000]);
  });

  it('kills a start that does not serve in time', () => {
    const { effects } = play([
      [9999, { kind: 'tick' }],
      [10_000, { kind: 'tick' }],
      [10_025, { kind: 'tick' }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'kill']);
  });

  it('gives a start longer after one that was late, and as long as ever once one has served', () => {
    let { state } = startSupervision(0, false);
    let now = 0;
    const lateAfter = (): number => {
      const from = now;
      for (;;) {
        now += 1000;
        const step = superviseStep(state, { kind: 'tick' }, now, TIMES);
        state = step.state;
        if (step.effects.some(({ kind }) => kind === 'kill')) return now - from;
      }
    };
    const startNext = (): void => {
      state = superviseStep(state, { kind: 'ended', why: 'SIGKILL' }, now, TIMES).state;
      now = state.restartAt ?? now;
      state = superviseStep(state, { kind: 'tick' }, now, TIMES).state;
    };
    const limits: number[] = [];
    for (let start = 0; start < 5; start++) {
      limits.push(lateAfter());
      startNext();
    }
    assert.deepEqual(limits, [10_000, 20_000, 40_000, 80_000, 80_000]);
    state = superviseStep(state, { kind: 'serving' }, now, TIMES).state;
    startNext();
    assert.equal(lateAfter(), 10_000);
  });

  it('starts nothing once it is stopping', () => {
    const { effects } = play([
      [100, { kind: 'serving' }],
      [200, { kind: 'stop' }],
      [300, { kind: 'ended', why: 'exit 0' }],
      [9000, { kind: 'tick' }],
    ]);
    assert.deepEqual(kinds(effects), ['spawn', 'count true']);
  });

  it('never runs two balancers at once, whatever happens', () => {
    const event = fc.constantFrom<SupervisionEvent>(
      { kind: 'serving' },
      { kind: 'ended', why: 'x' },
      { kind: 'hung', why: 'x' },
      { kind: 'tick' },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3000), event), { maxLength: 200 }), (steps) => {
        let { state } = startSupervision(0, false);
        let alive = true;
        let now = 0;
        for (const [delay, happening] of steps) {
          now += delay;
          // Only a process that is there can serve, end or hang.
          if (happening.kind !== 'tick' && !alive) continue;
          if (happening.kind === 'ended') alive = false;
          const step = superviseStep(state, happening, now, TIMES);
          state = step.state;
          for (const effect of step.effects) {
            if (effect.kind !== 'spawn') continue;
            assert.equal(alive, false, 'a second balancer was started');
            alive = true;
          }
        }
      }),
    );
  });
});
