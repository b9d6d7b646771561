/** What a VRRP machine (vrrp/machine.ts) knew when it changed its phase: who was heard last, when, and what it waited for. */

import type { IpAddress } from '../core/ip-address.ts';
import { riseAt } from './machine-due.ts';
import type { MachineConfig, MachineEvent, MachineState, Phase } from './machine-types.ts';

export type MachineFacts = {
  /** null: nobody was heard. `priority` null: it was not kept. */
  readonly heard: {
    readonly from: IpAddress;
    readonly agoMs: number;
    readonly priority: number | null;
  } | null;
  /** Of a backup: how long an owner may be silent; null: it waits for none. */
  readonly patienceMs: number | null;
  /** From the last word of an owner that fell silent; null: none did, or none was heard. */
  readonly gapMs: number | null;
};

/** Of a step from `before` into phase `to`, by `event`. */
export function machineFacts(
  config: MachineConfig,
  before: MachineState,
  event: MachineEvent,
  to: Phase,
  now: number,
): MachineFacts {
  const heard = heardLast(before, event, now);
  const { down, master } = before;
  const waits = before.phase === 'backup' && down.kind === 'full';
  // An owner of a lower priority goes on to speak, and does not start the timer again.
  const fellSilent =
    waits && to === 'master' && master !== null && master.heardAt <= down.startedAt;
  return {
    heard,
    patienceMs: waits ? Math.round(riseAt(config, before) - down.startedAt) : null,
    gapMs: fellSilent && heard !== null ? heard.agoMs : null,
  };
}

function heardLast(before: MachineState, event: MachineEvent, now: number): MachineFacts['heard'] {
  if (event.kind === 'advert') return { from: event.source, agoMs: 0, priority: event.priority };
  const { down, master, phase } = before;
  if (down.leaver !== undefined && phase === 'backup') {
    return { from: down.leaver, agoMs: Math.round(now - down.startedAt), priority: 0 };
  }
  // Of a master it is itself.
  if (master === null || phase === 'master' || phase === 'leaving') return null;
  const { address, heardAt, priority = null } = master;
  return { from: address, agoMs: Math.round(now - heardAt), priority };
}
