import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testConfig } from './fixture.ts';
import {
  LIFECYCLE_START,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecyclePhase,
  lifecycleStep,
  type StartMessage,
} from './lifecycle.ts';

const ORPHAN_MS = 5000;
const SERVERS = [
  { backend: 'b', server: 's', admin: 'drain', check: 'up', health: 1, weight: null },
] as const;

const START: StartMessage = {
  kind: 'start',
  config: testConfig(),
  listeners: [],
  grant: {},
  beatFd: -1,
  channelFd: -1,
  identity: null,
  standby: false,
  servers: [],
  orphanMs: ORPHAN_MS,
};
const SPARE: StartMessage = { ...START, standby: true };
const ACTIVATE = { kind: 'activate', servers: SERVERS } as const;
const STOP = { kind: 'stop', graceMs: 700 } as const;
const DONE = { kind: 'task-done' } as const;
const FAILED = { kind: 'failed', text: 'No relay' } as const;
const GONE = { kind: 'guardian-gone' } as const;
const ORPHAN_OVER = { kind: 'orphan-time-over' } as const;
const RETIRE = { kind: 'retire' } as const;
const TERMINATED = { kind: 'terminated' } as const;
const STOPPED = { kind: 'stopped', clean: true } as const;

function reload(id: number) {
  return { kind: 'reload', id, config: testConfig(), listeners: [], fresh: [] } as const;
}

/** An effect as one word or two. */
function brief(effect: LifecycleEffect): string {
  switch (effect.kind) {
    case 'carry-out':
      return effect.task.kind === 'reload' ? `reload ${effect.task.message.id}` : effect.task.kind;
    case 'tell':
      return `tell ${effect.what}`;
    case 'start-orphan-time':
      return `orphan ${effect.ms}`;
    case 'stop':
      return `stop ${effect.graceMs}`;
    case 'exit':
      return `exit ${effect.code}`;
    default:
      return effect.kind;
  }
}

function play(events: readonly LifecycleEvent[]) {
  let state = LIFECYCLE_START;
  const effects: LifecycleEffect[] = [];
  for (const event of events) {
    const step = lifecycleStep(state, event);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}

type Row = readonly [
  what: string,
  before: readonly LifecycleEvent[],
  event: LifecycleEvent,
  effects: readonly string[],
  phase: LifecyclePhase,
];

const SERVING = [START, DONE, DONE];
const READY = [SPARE, DONE];
const ORPHANED = [...SERVING, GONE];

/** What each event does, after those before it. */
const TABLE: readonly Row[] = [
  ['it prepares first', [], START, ['create', 'prepare', 'take-title'], 'active'],
  ['and serves once it has', [START], DONE, ['activate'], 'active'],
  ['and says so', [START, DONE], DONE, ['tell serving'], 'active'],
  ['a spare prepares and keeps its title', [], SPARE, ['create', 'prepare'], 'spare'],
  ['and says when it is ready', [SPARE], DONE, ['tell prepared'], 'spare'],
  ['a spare that is called serves', READY, ACTIVATE, ['take-title', 'activate'], 'active'],
  ['one that is not ready is first', [SPARE], ACTIVATE, ['take-title'], 'active'],
  ['and then serves without a word between', [SPARE, ACTIVATE], DONE, ['activate'], 'active'],
  ['a reload is done at once', SERVING, reload(1), ['reload 1'], 'active'],
  ['or after the one before', [...SERVING, reload(1)], reload(2), [], 'active'],
  ['and then it is', [...SERVING, reload(1), reload(2)], DONE, ['reload 2'], 'active'],
  ['a spare is reloaded before it serves', [SPARE, reload(0)], ACTIVATE, ['take-title'], 'active'],
  ['a spare that was reloaded has no more to tell', [...READY, reload(0)], DONE, [], 'spare'],
  ['stop gives connections their time', SERVING, STOP, ['stop 700'], 'ending'],
  ['and then it exits', [...SERVING, STOP], STOPPED, ['exit 0'], 'ending'],
  [
    'with what came of it',
    [...SERVING, STOP],
    { kind: 'stopped', clean: false },
    ['exit 1'],
    'ending',
  ],
  ['before it began there is nothing to stop', [], STOP, ['exit 0'], 'ending'],
  ['a failure ends it', [START], FAILED, ['give-up'], 'ending'],
  ['once', [START, FAILED], FAILED, [], 'ending'],
  ['also before it began', [], FAILED, ['give-up'], 'ending'],
  ['a failure while it stops comes too late', [...SERVING, STOP], FAILED, [], 'ending'],
  ['a second stop, too', [...SERVING, STOP], STOP, [], 'ending'],
  ['nothing begins any more', [...SERVING, reload(1), reload(2), STOP], DONE, [], 'ending'],
  ['a spare is not called any more', [...READY, STOP], ACTIVATE, [], 'ending'],
  ['a spare follows its guardian at once', READY, GONE, ['exit 0'], 'spare'],
  ['so does one that was never started', [], GONE, ['exit 0'], 'waiting'],
  ['an active one goes on', SERVING, GONE, [`orphan ${ORPHAN_MS}`], 'orphaned'],
  ['but not for ever', ORPHANED, ORPHAN_OVER, ['stop 0'], 'ending'],
  ['or it retires', ORPHANED, TERMINATED, ['end-orphan-time', 'retire'], 'ending'],
  ['once it has', [...ORPHANED, TERMINATED], STOPPED, ['exit 0'], 'ending'],
  ['one in whose place another serves retires, too', SERVING, RETIRE, ['retire'], 'ending'],
  ['and nobody has to wait for it', [...SERVING, RETIRE], GONE, [], 'ending'],
  ['a task goes on without a guardian', [START, GONE], DONE, ['activate'], 'orphaned'],
  ['with a guardian SIGTERM means nothing', SERVING, TERMINATED, [], 'active'],
  ['one that stops ends as it was told to', [...SERVING, STOP], GONE, [], 'ending'],
];

/** What cannot be, and what it is called. */
const BROKEN: readonly (readonly [readonly LifecycleEvent[], LifecycleEvent, RegExp])[] = [
  [SERVING, START, /a balancer is started once/],
  [[], ACTIVATE, /only a spare is activated/],
  [SERVING, ACTIVATE, /only a spare is activated/],
  [[], reload(1), /a balancer is started before it is reloaded/],
  [READY, RETIRE, /only one that serves retires/],
  [SERVING, DONE, /a task that is done was under way/],
  [SERVING, ORPHAN_OVER, /only an orphan has a time to go on/],
  [ORPHANED, GONE, /a guardian goes once/],
  [SERVING, STOPPED, /only what ends has stopped/],
];

describe('lifecycleStep()', () => {
  for (const [what, before, event, effects, phase] of TABLE) {
    it(`${event.kind}: ${what}`, () => {
      const step = lifecycleStep(play(before).state, event);
      assert.deepEqual(step.effects.map(brief), effects);
      assert.equal(step.state.phase, phase);
    });
  }

  for (const [before, event, name] of BROKEN) {
    it(`refuses ${event.kind} after ${before.map(({ kind }) => kind).join(', ') || 'nothing'}`, () => {
      assert.throws(() => lifecycleStep(play(before).state, event), name);
    });
  }

  it('hands on where another balancer left the servers', () => {
    const { effects } = play([...READY, ACTIVATE]);
    assert.deepEqual(effects.at(-1), {
      kind: 'carry-out',
      task: { kind: 'activate', servers: SERVERS },
    });
    const started = play([{ ...START, servers: SERVERS }, DONE]);
    assert.deepEqual(started.effects.at(-1), effects.at(-1));
  });

  it('does one task at a time, in order, and none after its end was decided', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.constant<LifecycleEvent>(DONE) },
      { weight: 4, arbitrary: fc.nat(99).map<LifecycleEvent>(reload) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<LifecycleEvent>(ACTIVATE, STOP, FAILED, GONE, TERMINATED),
      },
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(event, { maxLength: 60 }), (standby, events) => {
        let step = lifecycleStep(LIFECYCLE_START, { ...START, standby });
        const asked: LifecycleEvent[] = [];
        let busy = 1;
        let ends = 0;
        for (const happening of events) {
          const { phase } = step.state;
          // Only what can happen does.
          if (happening.kind === 'task-done' && busy === 0) continue;
          if (happening.kind === 'activate' && phase !== 'spare') continue;
          if (phase === 'orphaned' && ['reload', 'stop', 'guardian-gone'].includes(happening.kind))
            continue;
          if (happening.kind === 'task-done') busy--;
          if (happening.kind === 'reload' && phase !== 'ending') asked.push(happening);
          step = lifecycleStep(step.state, happening);
          const words = step.effects.map(brief);
          for (const effect of step.effects) {
            if (effect.kind !== 'carry-out') continue;
            busy++;
            if (effect.task.kind === 'reload') assert.equal(effect.task.message, asked.shift());
          }
          assert.ok(busy <= 1, 'two tasks at a time');
          ends += words.filter((word) => /^(stop|retire|give-up|exit)/.test(word)).length;
          if (phase === 'ending') assert.deepEqual(words, []);
          if (words.includes('exit 0')) return;
        }
        assert.ok(ends <= 1, 'its end was decided twice');
      }),
    );
  });
});
