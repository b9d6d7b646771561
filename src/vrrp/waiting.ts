/** What a VRRP backup waits for (vrrp/machine.ts), as status tells it. */

import type { WaitsFor } from '../stats/waits-for.ts';
import { isDue, riseAt } from './machine-due.ts';
import type { MachineConfig, MachineState } from './machine-types.ts';

/** null: it is no backup. */
export function waitsFor(config: MachineConfig, state: MachineState, now: number): WaitsFor | null {
  if (state.phase !== 'backup') return null;
  if (state.held) return { event: 'address-probe' };
  const { down, drained, master, preemptAt } = state;
  if (config.grouped === true && isDue(config, state, now)) return { event: 'sync-group' };
  const inMs = Math.max(0, riseAt(config, state) - now);
  if (drained) return { event: 'ready', inMs };
  if (preemptAt !== null && now < preemptAt) {
    return { event: 'preempt-delay', inMs: preemptAt - now };
  }
  // A master that does not start the timer again is a worse one.
  const isAccepted = master !== null && master.heardAt <= down.startedAt;
  return { event: isAccepted ? 'master-silence' : 'takeover', inMs };
}
