/** The checkers can fail: each test plants a fault in the machine or the kernel, and a rule must find it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MachineConfig, MachineEffect, MachineStep } from '../src/vrrp/machine.ts';
import { step } from '../src/vrrp/machine.ts';
import type { Rule } from './rules.ts';
import { runScenario, type ScenarioOptions } from './scenario.ts';

const SCENARIOS_MAX = 500;

/** Runs scenarios until one breaks this rule; returns the rules that were broken. */
function brokenRules(wanted: Rule, options: ScenarioOptions): readonly Rule[] {
  const broken: Rule[] = [];
  for (let seed = 1; seed <= SCENARIOS_MAX && !broken.includes(wanted); seed += 1) {
    const { violation } = runScenario(seed, options);
    if (violation !== null) broken.push(violation.rule);
  }
  return broken;
}

function without(result: MachineStep, isLeftOut: (effect: MachineEffect) => boolean): MachineStep {
  return { ...result, effects: result.effects.filter((effect) => !isLeftOut(effect)) };
}

function changes(result: MachineStep, from: string, to: string): boolean {
  return result.effects.some(
    (effect) => effect.kind === 'transition' && effect.from === from && effect.to === to,
  );
}

/** Advertisements of worse masters that each node, by its address, has heard since it became master. */
const lowerHeard = new Map<MachineConfig['address'], number>();

const PLANTED: readonly {
  readonly name: string;
  readonly rule: Rule;
  readonly machine: typeof step;
}[] = [
  {
    name: 'a backup that is deaf to priority 0',
    rule: 'handover',
    machine: (config, state, event, now) => {
      const isFarewell = event.kind === 'advert' && event.priority === 0;
      return isFarewell && state.phase === 'backup'
        ? { state, effects: [] }
        : step(config, state, event, now);
    },
  },
  {
    name: 'a master that never yields',
    rule: 'two owners',
    machine: (config, state, event, now) =>
      event.kind === 'advert' && state.phase === 'master'
        ? { state, effects: [] }
        : step(config, state, event, now),
  },
  {
    name: 'a master that yields and keeps the address',
    rule: 'two owners',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (!changes(result, 'master', 'backup')) return result;
      return without(result, ({ kind }) => kind === 'remove-addresses');
    },
  },
  {
    name: 'a master that does not notice its sleep',
    rule: 'a sleeper drops the address first',
    machine: (config, state, event, now) => step(config, { ...state, lastSentAt: now }, event, now),
  },
  {
    name: 'a sleeper that answers a rival before it looks at the time',
    rule: 'a sleeper drops the address first',
    machine: (config, state, event, now) =>
      event.kind === 'advert' && state.phase === 'master' && event.priority < config.priority
        ? { state, effects: [{ kind: 'garp', count: 5 }] }
        : step(config, state, event, now),
  },
  {
    name: 'a backup that looks at its timer before its sockets',
    rule: 'news first',
    machine: (config, state, event, now) => {
      if (event.kind !== 'advert' || state.phase !== 'backup') {
        return step(config, state, event, now);
      }
      const ticked = step(config, state, { kind: 'tick' }, now);
      const result = step(config, ticked.state, event, now);
      return { ...result, effects: [...ticked.effects, ...result.effects] };
    },
  },
  {
    name: 'a master that gives way to a worse one after a while',
    rule: 'no endless flapping',
    machine: (config, state, event, now) => {
      const isLower = event.kind === 'advert' && event.priority < state.effectivePriority;
      const heard = state.phase !== 'master' ? 0 : (lowerHeard.get(config.address) ?? 0);
      lowerHeard.set(config.address, heard + (isLower ? 1 : 0));
      return isLower && heard > 12
        ? step(config, state, { ...event, priority: 255 }, now)
        : step(config, state, event, now);
    },
  },
  {
    name: 'a backup that announces the address',
    rule: 'only the owner announces',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || result.state.phase !== 'backup') return result;
      return { ...result, effects: [...result.effects, { kind: 'garp', count: 1 }] };
    },
  },
  {
    name: 'a machine that answers every advertisement',
    rule: 'no invariant breaks',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || result.state.phase !== 'backup') return result;
      return { ...result, effects: [...result.effects, { kind: 'send-advert', priority: 1 }] };
    },
  },
  {
    name: 'a machine that breaks an invariant',
    rule: 'no invariant breaks',
    machine: (config, state, event, now) => {
      if (event.kind === 'address-lost') throw new Error('Broken invariant: planted');
      return step(config, state, event, now);
    },
  },
  {
    name: 'a promotion without gratuitous ARP',
    rule: 'every promotion announces',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      return changes(result, 'backup', 'master')
        ? without(result, ({ kind }) => kind === 'garp')
        : result;
    },
  },
  {
    name: 'a promotion without an advertisement',
    rule: 'every promotion announces',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      return changes(result, 'backup', 'master')
        ? without(result, ({ kind }) => kind === 'send-advert')
        : result;
    },
  },
  {
    name: 'a master that yields without a farewell',
    rule: 'all ways lead to the owner',
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || !changes(result, 'master', 'backup')) return result;
      return without(result, ({ kind }) => kind === 'send-advert');
    },
  },
  {
    name: 'an address deleted by hand that stays away',
    rule: 'back within 100 ms',
    machine: (config, state, event, now) =>
      event.kind === 'address-lost' ? { state, effects: [] } : step(config, state, event, now),
  },
  {
    name: 'a backup that never takes over',
    rule: 'one owner',
    machine: (config, state, event, now) =>
      event.kind === 'tick' && state.phase === 'backup'
        ? { state: { ...state, down: { startedAt: now, kind: 'full' } }, effects: [] }
        : step(config, state, event, now),
  },
  {
    name: 'a better node that does not preempt',
    rule: 'the best owns',
    machine: (config, state, event, now) =>
      step({ ...config, preempt: false, initialState: 'backup' }, state, event, now),
  },
  {
    name: 'a drained backup that rises like any other',
    rule: 'the drained come last',
    machine: (config, state, event, now) => {
      if (event.kind !== 'tick' || state.phase !== 'backup' || !state.drained) {
        return step(config, state, event, now);
      }
      const result = step(config, { ...state, drained: false }, event, now);
      return { ...result, state: { ...result.state, drained: true } };
    },
  },
  {
    name: 'a master that leaves for no reason',
    rule: 'no move without a reason',
    machine: (config, state, event, now) =>
      event.kind === 'tick' && state.phase === 'master' && state.lastSentAt % 97 < 1
        ? step(config, state, { kind: 'track', priorityDelta: 0, faults: ['a whim'] }, now)
        : step(config, state, event, now),
  },
];

for (const { name, rule, machine } of PLANTED) {
  test(`the simulation finds ${name}`, () => {
    const broken = brokenRules(rule, { machine });
    assert.ok(broken.includes(rule), `"${rule}" held, but not "${broken.join('", "')}"`);
  });
}

test('the simulation finds a kernel that keeps an address for longer', () => {
  const rule = 'no address outlives its owner';
  assert.ok(brokenRules(rule, { lifetimeMsMax: 6000 }).includes(rule));
});

test('the simulation finds a reaper that does not hear its successor', () => {
  const rule = 'the reaper yields';
  assert.ok(brokenRules(rule, { reapersHear: false }).includes(rule));
});
