/** One scenario: a cluster starts, suffers bursts of faults, and is left alone after each. */

import { LIFETIME_MS_MAX } from '../src/address/rules/lifetime.ts';
import { seededRandom } from '../src/core/random.ts';
import { step } from '../src/vrrp/machine.ts';
import { Violation } from './checker.ts';
import { breakSomething, endFaults } from './faults.ts';
import type { Rule, RuleCounts } from './rules.ts';
import { drawSettings, type Settings } from './settings.ts';
import { sendForgery } from './strangers.ts';
import { World } from './world.ts';

export type Outcome = {
  readonly seed: number;
  readonly settings: Settings;
  readonly faults: number;
  readonly simulatedMs: number;
  readonly applied: RuleCounts;
  /** null: every rule held. */
  readonly violation: { readonly rule: Rule; readonly text: string; readonly at: number } | null;
};

export type ScenarioOptions = {
  /** The machine under test; tests plant faults here. */
  readonly machine?: typeof step;
  readonly lifetimeMsMax?: number;
  readonly reapersHear?: boolean;
  /** Instead of those drawn. */
  readonly settings?: Settings;
  readonly trace?: (line: string) => void;
};

const BURSTS_MAX = 8;
const FAULTS_PER_BURST_MAX = 24;
const EVENTS_MAX = 1_000_000;
/** Restarts after a refused start may prolong it; each of them ends. */
const SETTLE_ROUNDS_MAX = 50;
/** Longer than garp_master_delay: a second announcement must find everything as it was. */
const LONG_QUIET_MS = 6000;

/** Runs the scenario of this seed (0 to 2^32 - 1); the same seed does the same, always. */
export function runScenario(seed: number, options: ScenarioOptions = {}): Outcome {
  const random = seededRandom(seed ^ 0x5eed);
  const settings = options.settings ?? drawSettings(random);
  const trace = options.trace ?? null;
  const { machine = step, lifetimeMsMax = LIFETIME_MS_MAX, reapersHear = true } = options;
  const world = new World({
    seed,
    settings,
    machine,
    lifetimeMsMax,
    reapersHear,
    eventsMax: EVENTS_MAX,
    trace,
  });
  world.trace(`seed ${seed}: ${JSON.stringify(settings)}`);
  let faults = 0;
  let violation: Outcome['violation'] = null;
  world.checker.count('no invariant breaks');
  try {
    startAll(world);
    const bursts = 1 + random.below(BURSTS_MAX);
    for (let burst = 0; burst < bursts; burst += 1) {
      const count = 1 + random.below(FAULTS_PER_BURST_MAX);
      for (let index = 0; index < count; index += 1) {
        faults += random.chance(0.05) ? sendForgery(world) : breakSomething(world);
        world.run(world.now + drawPauseMs(world));
      }
      endFaults(world);
      faults += settle(world);
    }
  } catch (error) {
    violation = violationOf(error, world.now);
  }
  const { applied } = world.checker;
  return { seed, settings, faults, simulatedMs: world.now, applied, violation };
}

/** What ended it, at this time of the world. */
export function violationOf(error: unknown, at: number): Outcome['violation'] {
  const rule = error instanceof Violation ? error.rule : 'no invariant breaks';
  const text = error instanceof Error ? error.message : String(error);
  return { rule, text, at };
}

export function startAll(world: World): void {
  const { checker, nodes, random, settings } = world;
  for (const node of nodes) {
    world.run(world.now + random.between(0, settings.intervalMs / 2));
    checker.onDisturbance(`node ${node.index} is started`);
    node.start();
  }
  settle(world);
}

/** Before the next fault: mostly short, so that faults meet; at times the cluster has come to rest. */
function drawPauseMs({ random, settings, checker }: World): number {
  if (random.chance(0.1)) return checker.settleMs;
  if (random.chance(0.02)) return checker.steadyMs + 5 * settings.intervalMs;
  return random.between(0, settings.intervalMs * random.pick([0.1, 1, 1, 5]));
}

/**
 * No fault until every rule has been applied, and then for a while nothing may move, whatever strangers
 * send. Returns how many packets they sent.
 */
export function settle(world: World): number {
  const { checker, random, settings } = world;
  const quietMs = random.chance(0.03) ? LONG_QUIET_MS : random.between(0, 4 * settings.intervalMs);
  for (let round = 0; ; round += 1) {
    if (round === SETTLE_ROUNDS_MAX)
      checker.fail('the cluster comes to rest', 'it still starts and stops');
    const { disturbedAt } = checker;
    checker.count('the cluster comes to rest');
    // Where a node was drained until now, the time to wait for was longer.
    world.run(Math.max(world.now, disturbedAt + checker.settleMs));
    if (checker.disturbedAt === disturbedAt && checker.isQuiet) break;
  }
  const forgeries = random.below(3);
  for (let count = 0; count < forgeries; count += 1) {
    sendForgery(world);
    world.run(world.now + quietMs / forgeries);
  }
  world.run(world.now + (forgeries === 0 ? quietMs : 0));
  return forgeries;
}
