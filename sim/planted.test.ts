/** The checkers can fail: each test plants a fault in the machine or the kernel, and a rule must find it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MachineEffect, MachineStep } from '../src/vrrp/machine.ts';
import { step } from '../src/vrrp/machine.ts';
import { runScenario, type ScenarioOptions } from './scenario.ts';

const SCENARIOS_MAX = 500;

/** Runs scenarios until one breaks a rule. */
function firstViolation(options: ScenarioOptions): string {
  for (let seed = 1; seed <= SCENARIOS_MAX; seed += 1) {
    const { violation } = runScenario(seed, options);
    if (violation !== null) return violation.rule;
  }
  return 'nothing';
}

function without(result: MachineStep, isLeftOut: (effect: MachineEffect) => boolean): MachineStep {
  return { ...result, effects: result.effects.filter((effect) => !isLeftOut(effect)) };
}

function changes(result: MachineStep, from: string, to: string): boolean {
  return result.effects.some(
    (effect) => effect.kind === 'transition' && effect.from === from && effect.to === to,
  );
}

const PLANTED: readonly {
  readonly name: string;
  readonly found: readonly string[];
  readonly machine: typeof step;
}[] = [
  {
    name: 'a backup that is deaf to priority 0',
    found: ['handover'],
    machine: (config, state, event, now) => {
      const isFarewell = event.kind === 'advert' && event.priority === 0;
      return isFarewell && state.phase === 'backup'
        ? { state, effects: [] }
        : step(config, state, event, now);
    },
  },
  {
    name: 'a master that never yields',
    found: ['two owners', 'one owner'],
    machine: (config, state, event, now) =>
      event.kind === 'advert' && state.phase === 'master'
        ? { state, effects: [] }
        : step(config, state, event, now),
  },
  {
    name: 'a master that yields and keeps the address',
    found: ['two owners', 'one owner'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (!changes(result, 'master', 'backup')) return result;
      return without(result, ({ kind }) => kind === 'remove-addresses');
    },
  },
  {
    name: 'a master that does not notice its sleep',
    found: ['a sleeper drops the address first'],
    machine: (config, state, event, now) => step(config, { ...state, lastSentAt: now }, event, now),
  },
  {
    name: 'a sleeper that puts its address back before it looks at the time',
    found: ['a sleeper drops the address first'],
    machine: (config, state, event, now) =>
      event.kind === 'address-lost' && state.phase === 'master'
        ? { state, effects: [{ kind: 'add-addresses' }, { kind: 'garp', count: 5 }] }
        : step(config, state, event, now),
  },
  {
    name: 'a backup that looks at its timer before its sockets',
    found: ['news first'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'track' || result.state.phase !== 'backup') return result;
      const ticked = step(config, result.state, { kind: 'tick' }, now);
      return { state: ticked.state, effects: [...result.effects, ...ticked.effects] };
    },
  },
  {
    name: 'a backup that announces the address',
    found: ['only the owner announces'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || result.state.phase !== 'backup') return result;
      return { ...result, effects: [...result.effects, { kind: 'garp', count: 1 }] };
    },
  },
  {
    name: 'a machine that answers every advertisement',
    found: ['the cluster comes to rest', 'no invariant breaks'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || result.state.phase !== 'backup') return result;
      return { ...result, effects: [...result.effects, { kind: 'send-advert', priority: 1 }] };
    },
  },
  {
    name: 'a machine that breaks an invariant',
    found: ['no invariant breaks'],
    machine: (config, state, event, now) => {
      if (event.kind === 'address-lost') throw new Error('Broken invariant: planted');
      return step(config, state, event, now);
    },
  },
  {
    name: 'a promotion without gratuitous ARP',
    found: ['every promotion announces'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      return changes(result, 'backup', 'master')
        ? without(result, ({ kind }) => kind === 'garp')
        : result;
    },
  },
  {
    name: 'a promotion without an advertisement',
    found: ['every promotion announces'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      return changes(result, 'backup', 'master')
        ? without(result, ({ kind }) => kind === 'send-advert')
        : result;
    },
  },
  {
    name: 'a master that yields without a farewell',
    found: ['all ways lead to the owner'],
    machine: (config, state, event, now) => {
      const result = step(config, state, event, now);
      if (event.kind !== 'advert' || !changes(result, 'master', 'backup')) return result;
      return without(result, ({ kind }) => kind === 'send-advert');
    },
  },
  {
    name: 'an address deleted by hand that stays away',
    found: ['back within 100 ms'],
    machine: (config, state, event, now) =>
      event.kind === 'address-lost' ? { state, effects: [] } : step(config, state, event, now),
  },
  {
    name: 'a backup that never takes over',
    found: ['one owner'],
    machine: (config, state, event, now) =>
      event.kind === 'tick' && state.phase === 'backup'
        ? { state: { ...state, down: { startedAt: now, kind: 'full' } }, effects: [] }
        : step(config, state, event, now),
  },
  {
    name: 'a better node that does not preempt',
    found: ['the best owns'],
    machine: (config, state, event, now) =>
      step({ ...config, preempt: false, initialState: 'backup' }, state, event, now),
  },
  {
    name: 'a master that leaves for no reason',
    found: ['no move without a reason'],
    machine: (config, state, event, now) =>
      event.kind === 'tick' && state.phase === 'master' && state.lastSentAt % 97 < 1
        ? step(config, state, { kind: 'track', priorityDelta: 0, faults: ['a whim'] }, now)
        : step(config, state, event, now),
  },
];

for (const { name, found, machine } of PLANTED) {
  test(`the simulation finds ${name}`, () => {
    const rule = firstViolation({ machine });
    assert.ok(found.includes(rule), `found "${rule}", expected "${found.join('" or "')}"`);
  });
}

test('the simulation finds a kernel that keeps an address for longer', () => {
  assert.equal(firstViolation({ lifetimeMsMax: 6000 }), 'no address outlives its owner');
});
