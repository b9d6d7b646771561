/**
 * The VRRP state machine of one instance (RFC 9568 section 6.4, RFC 3768 section 6.4), pure: events and
 * the time go in, a new state and effects come out. Beyond the RFC it behaves as keepalived does where
 * both run side by side: `state MASTER` below priority 255 still waits, preempt_delay, FAULT.
 *
 * Times are milliseconds of a clock that never goes back and counts while the machine sleeps.
 *
 * Five additions of our own:
 * - A master that was asleep longer than its down interval cannot know who took over: it drops the
 *   addresses before it sends anything, and begins again as backup.
 * - A process that is started within the down interval of a master that was killed goes on as that master.
 * - A master that leaves says priority 0 and serves on until it hears its successor: clients find one of the
 *   two at any time. Only when nobody follows in time are the addresses gone before somebody has them.
 * - A drained one is master as the last resort only, until it is told that it is ready: it waits for a down
 *   interval of the lowest priority beyond its own, and says that priority. Where nobody follows a master that
 *   is to be drained it stays, and is not drained.
 * - A master that yields sends its advertisement once more, so that the winner, who may not have heard
 *   it before, announces the addresses again (RFC 9568 section 6.4.3, (725)): no switch keeps the old way.
 */

import type { IpAddress } from '../core/ip-address.ts';
import { Run } from './machine-run.ts';
import { TABLE } from './machine-table.ts';
import type {
  MachineConfig,
  MachineEvent,
  MachineState,
  MachineStep,
  Phase,
  ToldPhase,
} from './machine-types.ts';
import { downIntervalMs } from './timers.ts';

export type * from './machine-types.ts';

export function newMachine(config: MachineConfig): MachineState {
  return {
    phase: 'initialize',
    effectivePriority: config.priority,
    faults: [],
    held: false,
    masterIntervalMs: config.intervalMs,
    down: { startedAt: 0, kind: 'full' },
    preemptAt: null,
    lastSentAt: 0,
    advertAt: 0,
    nextGarp: null,
    defence: { answers: 0, at: 0, due: null },
    master: null,
    transitions: 0,
    leave: null,
    drained: false,
    lastResort: false,
  };
}

export function toldPhase(phase: Phase): ToldPhase {
  return phase === 'leaving' ? 'master' : phase;
}

/** Who is master, as far as is known; null: nobody has been heard for a down interval. */
export function knownMaster(
  { version }: MachineConfig,
  { master, phase, masterIntervalMs, effectivePriority: priority }: MachineState,
  now: number,
): IpAddress | null {
  if (master === null) return null;
  const isLost = now - master.heardAt > downIntervalMs(version, priority, masterIntervalMs);
  return phase !== 'master' && isLost ? null : master.address;
}

/** The step function. Any order of events is allowed; `now` never goes back. */
export function step(
  config: MachineConfig,
  state: MachineState,
  event: MachineEvent,
  now: number,
): MachineStep {
  const run = new Run(config, state, now);
  // What was sent at the old interval proves nothing by the new one: a reload comes after a step by the old.
  if (event.kind !== 'reload') run.dropAfterStall();
  take(run, event);
  return { state: run.state, effects: run.effects };
}

/** Does what the table says about this event in this phase. */
function take<Kind extends MachineEvent['kind']>(
  run: Run,
  event: Extract<MachineEvent, { kind: Kind }>,
): void {
  TABLE[run.state.phase][event.kind as Kind].does(run, event);
}
