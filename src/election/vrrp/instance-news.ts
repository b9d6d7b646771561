/** What an instance tells of itself while it works, and how often. */

import type { DecisionFacts, ElectionEvent } from '../../contracts/election.ts';
import { formatIpAddress } from '../../core/ip-address.ts';
import type { AddressClaim } from '../../linux/arp.ts';
import { errorText } from '../../linux/errno.ts';
import type { MachineFacts } from '../../vrrp/decision-facts.ts';
import { type MachineEffect, type MachineState, toldPhase } from '../../vrrp/machine.ts';

/** News of a rival come at most this often. */
const RIVAL_NEWS_GAP_MS = 1000;
/** Foreign claimants named in warnings. */
const CLAIMANTS_MAX = 64;

export class InstanceNews {
  readonly #instance: string;
  readonly #onEvent: (event: ElectionEvent) => void;
  #rivalToldAt = Number.NEGATIVE_INFINITY;
  readonly #claimants = new Set<string>();

  constructor(instance: string, onEvent: (event: ElectionEvent) => void) {
    this.#instance = instance;
    this.#onEvent = onEvent;
  }

  /** One that leaves is still there: that is no news. */
  transition(
    { from, to, why }: Extract<MachineEffect, { kind: 'transition' }>,
    { effectivePriority: priority, drained, faults }: MachineState,
    { heard, patienceMs, gapMs }: MachineFacts,
  ): void {
    const [before, after] = [toldPhase(from), toldPhase(to)];
    if (before === after) return;
    const instance = this.#instance;
    const facts: DecisionFacts = {
      ...(heard === null
        ? {}
        : { heardFrom: formatIpAddress(heard.from), heardAgoMs: heard.agoMs }),
      ...(heard === null || heard.priority === null ? {} : { heardPriority: heard.priority }),
      ...(patienceMs === null ? {} : { patienceMs }),
      ...(gapMs === null ? {} : { gapMs }),
      ...(faults.length === 0 ? {} : { faults }),
      ...(drained ? { drained } : {}),
    };
    this.#onEvent({ kind: 'transition', instance, from: before, to: after, why, priority, facts });
  }

  /** The priority alone has changed. */
  priority(before: MachineState, { phase, effectivePriority: priority }: MachineState): void {
    if (before.phase !== phase || (phase !== 'master' && phase !== 'backup')) return;
    if (priority === before.effectivePriority) return;
    this.#onEvent({ kind: 'priority', instance: this.#instance, state: phase, priority });
  }

  /** Something outside may have followed the rival, e.g. a provider's routes. */
  rival(heard: number, { effectivePriority: priority }: MachineState, now: number): void {
    if (heard === 0 || heard >= priority) return;
    if (now - this.#rivalToldAt < RIVAL_NEWS_GAP_MS) return;
    this.#rivalToldAt = now;
    this.#onEvent({ kind: 'rival', instance: this.#instance, priority });
  }

  moved(from: string, to: string): void {
    this.#onEvent({ kind: 'own-address-moved', instance: this.#instance, from, to });
  }

  /** Told once of each claimant. */
  claimed({ address, mac }: AddressClaim): void {
    if (this.#claimants.has(mac) || this.#claimants.size >= CLAIMANTS_MAX) return;
    this.#claimants.add(mac);
    this.warn(`holds ${formatIpAddress(address)}, but ${mac} claims it too`);
  }

  /** `error`: an errno; 0: they went out. */
  announced(error: number): void {
    if (error !== 0) this.warn(`cannot announce its addresses: ${errorText(error)}`);
  }

  warn(text: string): void {
    this.#onEvent({ kind: 'warning', text: `VRRP instance "${this.#instance}" ${text}` });
  }
}
