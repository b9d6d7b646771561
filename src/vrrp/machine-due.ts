/** When the VRRP machine (vrrp/machine.ts) is to be woken, and what it is to be woken for. All times are ms. */

import type { MachineConfig, MachineState } from './machine-types.ts';
import { LAST_RESORT_PRIORITY } from './priority.ts';
import { downIntervalMs, farewellSkewMs } from './timers.ts';

/** When `tick` is next needed; Infinity: not before another event. */
export function nextTickAt(config: MachineConfig, state: MachineState): number {
  if (state.phase === 'backup') {
    return state.held ? Number.POSITIVE_INFINITY : riseAt(config, state);
  }
  if (state.phase === 'master') {
    const { advertAt, nextGarp, defence } = state;
    return Math.min(advertAt, nextGarp?.at ?? advertAt, defence.due?.at ?? advertAt);
  }
  return state.leave?.until ?? Number.POSITIVE_INFINITY;
}

/** Whether a backup would be master now, were it not for its group. */
export function isDue(config: MachineConfig, state: MachineState, now: number): boolean {
  return state.phase === 'backup' && !state.held && now >= riseAt(config, state);
}

/**
 * When a backup is master unless it hears of one before. A drained one comes after all that are not, also
 * where it heard a worse master last, for which its timer was not started again.
 */
export function riseAt(config: MachineConfig, state: MachineState): number {
  const at = downAt(config, state);
  if (!state.drained) return at;
  const { effectivePriority: priority, master, masterIntervalMs } = state;
  const lost =
    master === null
      ? at
      : master.heardAt + downIntervalMs(config.version, priority, masterIntervalMs);
  return (
    Math.max(at, lost) + downIntervalMs(config.version, LAST_RESORT_PRIORITY, masterIntervalMs)
  );
}

function downAt(config: MachineConfig, state: MachineState): number {
  const { down, effectivePriority: priority, masterIntervalMs } = state;
  switch (down.kind) {
    case 'none':
      return down.startedAt;
    case 'skew':
      return down.startedAt + farewellSkewMs(config.version, priority, masterIntervalMs);
    case 'full':
      return down.startedAt + downIntervalMs(config.version, priority, masterIntervalMs);
  }
}
