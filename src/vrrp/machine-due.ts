/** When the VRRP machine (vrrp/machine.ts) is to be woken, and what it is to be woken for. All times are ms. */

import type { MachineConfig, MachineState } from './machine-types.ts';
import { downIntervalMs, farewellSkewMs } from './timers.ts';

/** When `tick` is next needed; Infinity: not before another event. */
export function nextTickAt(config: MachineConfig, state: MachineState): number {
  if (state.phase === 'backup') {
    return mayRise(state) ? downAt(config, state) : Number.POSITIVE_INFINITY;
  }
  if (state.phase === 'master') {
    return Math.min(state.advertAt, state.nextGarp?.at ?? Number.POSITIVE_INFINITY);
  }
  return state.leave?.until ?? Number.POSITIVE_INFINITY;
}

/** Whether a backup would be master now, were it not for its group. */
export function isDue(config: MachineConfig, state: MachineState, now: number): boolean {
  return state.phase === 'backup' && mayRise(state) && now >= downAt(config, state);
}

/** Whether a backup may become master at all. */
function mayRise({ held, drained }: MachineState): boolean {
  return !held && !drained;
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
