/**
 * A sync group (keepalived.conf(5), vrrp_sync_group): instances that are master together or not at all,
 * e.g. the two sides of a router. Pure: what the members are goes in, what they shall do comes out.
 *
 * - One member in FAULT puts all of them there.
 * - All members are promoted together, once none of them hears a better master. So nodes whose members
 *   have different priorities do not fight: whoever is master stays it.
 * - When one member yields to a better master, the others follow.
 */

import { type Phase, type ToldPhase, toldPhase } from './machine.ts';

export type Member = {
  readonly phase: Phase;
  /** A backup that hears no better master. */
  readonly due: boolean;
};

/** What all members are to do now; null: nothing. */
export type GroupOrder = 'master' | 'backup' | null;

export function groupOrder(members: readonly Member[]): GroupOrder {
  const masters = members.filter(({ phase }) => phase === 'master').length;
  if (masters === members.length) return null;
  if (masters > 0) return 'backup';
  return members.every(({ due }) => due) ? 'master' : null;
}

/** What the group is as a whole. */
export function groupPhase(members: readonly Member[]): ToldPhase {
  const phases = members.map(({ phase }) => toldPhase(phase));
  if (phases.includes('initialize')) return 'initialize';
  if (phases.includes('fault')) return 'fault';
  return phases.every((phase) => phase === 'master') ? 'master' : 'backup';
}
