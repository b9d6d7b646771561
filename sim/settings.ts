/** One cluster as a scenario sees it: how its nodes are configured, and what the physics around them are. */

import type { Random } from '../src/core/random.ts';
import type { MachineGarp } from '../src/vrrp/machine.ts';
import { LAST_RESORT_PRIORITY } from '../src/vrrp/priority.ts';
import { downIntervalMs, farewellSkewMs } from '../src/vrrp/timers.ts';

export type Settings = {
  readonly name: string;
  readonly version: 2 | 3;
  readonly intervalMs: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly transport: 'multicast' | 'unicast';
  readonly password: string | null;
  /** One per node. */
  readonly priorities: readonly number[];
  /** As the article writes it: `state MASTER` on the first node. */
  readonly firstIsMaster: boolean;
  readonly garp: MachineGarp;
  /** keepalived's lower_prio_no_advert. */
  readonly answersLower: boolean;
  /** D: the longest way of a packet while the network is well. */
  readonly delayMsMax: number;
  /** J: from a timer or a packet to the process that waits for it. */
  readonly lagMsMax: number;
  /** Clocks run at 1 - drift to 1 + drift. */
  readonly drift: number;
};

type Protocol = Pick<Settings, 'name' | 'version' | 'intervalMs' | 'preempt' | 'transport'>;

const KEEPALIVED: Protocol = {
  name: 'keepalived',
  version: 2,
  intervalMs: 1000,
  preempt: true,
  transport: 'multicast',
};

const NATIVE: Protocol = {
  name: 'native',
  version: 3,
  intervalMs: 100,
  preempt: false,
  transport: 'unicast',
};

const PROTOCOLS: readonly Protocol[] = [
  KEEPALIVED,
  KEEPALIVED,
  { ...KEEPALIVED, name: 'keepalived nopreempt', preempt: false },
  { ...KEEPALIVED, name: 'keepalived unicast', transport: 'unicast' },
  NATIVE,
  NATIVE,
  { ...NATIVE, name: 'native preempt', preempt: true },
  { ...NATIVE, name: 'v3 multicast', transport: 'multicast', preempt: true },
  { ...NATIVE, name: 'v3 10 ms', intervalMs: 10 },
  { ...NATIVE, name: 'v3 1 s', intervalMs: 1000, preempt: true },
];

export function drawSettings(random: Random): Settings {
  const protocol = random.pick(PROTOCOLS);
  const { intervalMs, version, preempt } = protocol;
  const isClassic = version === 2;
  const count = 2 + random.below(6);
  return {
    ...protocol,
    preemptDelayMs: preempt && random.chance(0.2) ? intervalMs * (1 + random.below(10)) : 0,
    password: isClassic && random.chance(0.8) ? '1111' : null,
    priorities: drawPriorities(random, count),
    firstIsMaster: isClassic && random.chance(0.7),
    garp: {
      repeat: 5,
      delayMs: random.chance(0.8) ? 5000 : 0,
      rivalRepeat: 5,
      rivalDelayMs: random.chance(0.5) ? 5000 : 0,
      refreshMs: random.chance(0.1) ? 3000 : 0,
      refreshRepeat: 1,
    },
    answersLower: random.chance(0.8),
    delayMsMax: Math.min(random.between(0.2, 5), intervalMs / 5),
    lagMsMax: Math.min(random.between(0.05, 2), intervalMs / 20),
    drift: random.pick([0, 0.0001, 0.01]),
  };
}

function drawPriorities(random: Random, count: number): readonly number[] {
  const falling = Array.from({ length: count }, (_, index) => 100 - 10 * index);
  switch (random.below(6)) {
    case 0:
      return falling.map(() => 100);
    case 1:
      return falling.map((priority, index) => (index === 0 ? 255 : priority));
    case 2:
      return falling.map((priority, index) => (index < 2 ? 255 : priority));
    case 3:
      return falling.map(() => 1 + random.below(254));
    default:
      return falling;
  }
}

/** A time of some node's clock, as the world sees it at worst. */
function atWorst(settings: Settings, localMs: number): number {
  return localMs / (1 - settings.drift);
}

/** D + J: from the sender to what the receiver does about it. */
export function hopMs({ delayMsMax, lagMsMax }: Settings): number {
  return delayMsMax + lagMsMax;
}

/** After the last fault, exactly one owner: `convergence` of docs/simulation.md. */
export function convergenceMs(settings: Settings, lowestPriority: number): number {
  const { version, intervalMs, preemptDelayMs } = settings;
  const downMs = downIntervalMs(version, lowestPriority, intervalMs);
  // Who waits to preempt hears the first advertisement after one down interval, accepts the last within
  // an interval of the delay's end, and then waits for its own timer.
  const waitMs = preemptDelayMs === 0 ? 0 : preemptDelayMs + intervalMs + downMs;
  return atWorst(settings, downMs + waitMs) + 4 * hopMs(settings);
}

/** What it takes longer where a node is drained: `last resort` of docs/simulation.md. */
export function lastResortMs(settings: Settings): number {
  const { version, intervalMs } = settings;
  return atWorst(settings, downIntervalMs(version, LAST_RESORT_PRIORITY, intervalMs));
}

/** Two owners that hear each other: `conflict` of docs/simulation.md. */
export function conflictMs(settings: Settings): number {
  return atWorst(settings, settings.intervalMs) + 2 * hopMs(settings);
}

/** From an owner's farewell to the next owner: `handover` of docs/simulation.md. */
export function handoverMs(settings: Settings, lowestPriority: number): number {
  const skew = farewellSkewMs(settings.version, lowestPriority, settings.intervalMs);
  return atWorst(settings, skew) + 2 * hopMs(settings);
}

/** After convergence, until everybody's way leads to the owner: `announcement` of docs/simulation.md. */
export function announcementMs(settings: Settings): number {
  return atWorst(settings, RIVAL_GARP_GAP_MS) + 2 * hopMs(settings);
}

/** vrrp/machine.ts announces because of a rival at most this often. */
const RIVAL_GARP_GAP_MS = 1000;

/** How long an address may stay whose guardian alone was killed: `reaped` of docs/simulation.md. */
export function reapedMs(settings: Settings): number {
  const { version, intervalMs, lagMsMax } = settings;
  return atWorst(settings, downIntervalMs(version, 1, intervalMs)) + lagMsMax;
}
