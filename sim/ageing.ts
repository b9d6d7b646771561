/**
 * One cluster for hours: an incident every few minutes, and long quiet stretches between some of them. Every rule is
 * watched as in a scenario, and after each stretch of time nothing may have grown.
 */

import { LIFETIME_MS_MAX } from '../src/address/rules/lifetime.ts';
import { step } from '../src/vrrp/machine.ts';
import { breakSomething, endFaults } from './faults.ts';
import type { RuleCounts } from './rules.ts';
import { type Outcome, settle, startAll, violationOf } from './scenario.ts';
import type { Settings } from './settings.ts';
import { sendForgery } from './strangers.ts';
import { World } from './world.ts';

export const HOUR_MS = 3_600_000;

const COMMON: Omit<Settings, 'name' | 'version' | 'intervalMs' | 'preempt' | 'transport'> = {
  preemptDelayMs: 0,
  password: null,
  priorities: [100, 90, 80],
  firstIsMaster: false,
  garp: {
    repeat: 5,
    delayMs: 5000,
    rivalRepeat: 5,
    rivalDelayMs: 5000,
    refreshMs: 60_000,
    refreshRepeat: 1,
  },
  answersLower: true,
  delayMsMax: 1,
  lagMsMax: 1,
  drift: 0.0001,
};

/** The clusters that grow old: the article's, and what an evergate.yaml makes. */
export const AGED: readonly Settings[] = [
  {
    ...COMMON,
    name: 'keepalived',
    version: 2,
    intervalMs: 1000,
    preempt: true,
    transport: 'multicast',
    password: '1111',
    firstIsMaster: true,
  },
  {
    ...COMMON,
    name: 'native',
    version: 3,
    intervalMs: 100,
    preempt: false,
    transport: 'unicast',
  },
];

/** What there is of everything that could grow, while the cluster rests. */
export type Sizes = {
  /** Simulated, since the world began. */
  readonly atMs: number;
  /** Events that are to come: timers, packets under way. */
  readonly planned: number;
  /** Unread packets and claims of all nodes. */
  readonly waiting: number;
  /** Of the largest node's state, configuration and verdict, as JSON. */
  readonly stateBytes: number;
  /** Of the heap, after a collection. */
  readonly heapBytes: number;
};

export type Aged = {
  readonly settings: Settings;
  readonly faults: number;
  readonly events: number;
  readonly applied: RuleCounts;
  readonly samples: readonly Sizes[];
  readonly violation: Outcome['violation'];
};

export type AgeingOptions = {
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  readonly settings: Settings;
  /** Of simulated time. */
  readonly durationMs: number;
  /** Between two samples; the first comes after as long a time. */
  readonly sampleMs: number;
  /** Of the heap, after a collection. */
  readonly heapBytes: () => number;
  /** The machine under test; tests plant what grows here. */
  readonly machine?: typeof step;
  readonly onSample?: (sizes: Sizes) => void;
};

/** Per node, at rest: a turn, a look at the address's lifetime, and what a burst left behind it planned. */
const PLANNED_PER_NODE_MAX = 20;
const WAITING_PER_NODE_MAX = 8;
const STATE_BYTES_MAX = 1500;
/** Above the first sample: compiled code comes and goes. */
const HEAP_GROWTH_BYTES_MAX = 2 << 20;
/** Far above what a node does: advertisements, answers, timers and turns of some microseconds each. */
const EVENTS_PER_INTERVAL_MAX = 100;

const SAFE = Number.MAX_SAFE_INTEGER;

const FAULTS_PER_INCIDENT_MAX = 3;
const MINUTE_MS = 60_000;

export function runAgeing(options: AgeingOptions): Aged {
  const { seed, settings, durationMs, machine = step } = options;
  const nodes = settings.priorities.length;
  const world = new World({
    seed,
    settings,
    machine,
    lifetimeMsMax: LIFETIME_MS_MAX,
    reapersHear: true,
    eventsMax: (durationMs / settings.intervalMs) * nodes * EVENTS_PER_INTERVAL_MAX,
    trace: null,
  });
  const samples: Sizes[] = [];
  let faults = 0;
  let violation: Aged['violation'] = null;
  world.checker.count('no invariant breaks');
  try {
    startAll(world);
    for (let nextAt = options.sampleMs; nextAt <= durationMs; nextAt += options.sampleMs) {
      while (world.now < nextAt) faults += stretch(world, nextAt);
      const sizes = measure(world, options.heapBytes);
      samples.push(sizes);
      options.onSample?.(sizes);
      checkGrowth(world, samples[0] ?? sizes, sizes);
    }
  } catch (error) {
    violation = violationOf(error, world.now);
  }
  const { applied } = world.checker;
  return { settings, faults, events: world.events, applied, samples, violation };
}

/** Peace, up to `until`, and if that has not come, an incident and its end. Returns how many faults it was. */
function stretch(world: World, until: number): number {
  const { random, settings } = world;
  const minutes = random.chance(0.1) ? random.between(20, 60) : random.between(1, 5);
  const peaceEndsAt = world.now + minutes * MINUTE_MS;
  if (peaceEndsAt >= until) {
    world.run(until);
    return 0;
  }
  world.run(peaceEndsAt);
  let faults = 0;
  const count = 1 + random.below(FAULTS_PER_INCIDENT_MAX);
  for (let index = 0; index < count; index += 1) {
    faults += random.chance(0.05) ? sendForgery(world) : breakSomething(world);
    world.run(world.now + random.between(0, random.pick([1, 10, 100]) * settings.intervalMs));
  }
  endFaults(world);
  return faults + settle(world);
}

function measure({ now, planned, nodes }: World, heapBytes: () => number): Sizes {
  const states = nodes.map(({ state, config, verdict }) =>
    // Addresses of IPv6 are whole numbers that JSON does not know.
    JSON.stringify([state, config, verdict], (_key, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    ),
  );
  return {
    atMs: now,
    planned,
    waiting: nodes.reduce((sum, { waiting }) => sum + waiting.packets + waiting.claims, 0),
    stateBytes: Math.max(...states.map(({ length }) => length)),
    heapBytes: heapBytes(),
  };
}

function checkGrowth({ checker, nodes, events }: World, first: Sizes, sizes: Sizes): void {
  checker.count('nothing grows');
  const bounds: readonly (readonly [what: string, is: number, most: number])[] = [
    ['events planned', sizes.planned, nodes.length * PLANNED_PER_NODE_MAX],
    ['packets unread', sizes.waiting, nodes.length * WAITING_PER_NODE_MAX],
    ['bytes of state', sizes.stateBytes, STATE_BYTES_MAX],
    ['bytes of heap', sizes.heapBytes, first.heapBytes + HEAP_GROWTH_BYTES_MAX],
    ['transitions', Math.max(...nodes.map(({ state }) => state.transitions)), SAFE],
    ['events', events, SAFE],
  ];
  for (const [what, is, most] of bounds) {
    if (!(is <= most)) checker.fail('nothing grows', `${is} ${what}, ${most} at most`);
  }
}
