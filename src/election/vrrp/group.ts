/** A sync group at work: carries out what vrrp/sync-group.ts says about its instances. */

import type { SyncGroupConfig } from '../../config/model/election.ts';
import type { ElectionEvent } from '../../contracts/election.ts';
import { assert } from '../../core/assert.ts';
import type { ToldPhase } from '../../vrrp/machine.ts';
import { groupOrder, groupPhase, type Member } from '../../vrrp/sync-group.ts';
import type { Instance } from './instance.ts';

export class Group {
  readonly #name: string;
  readonly #members: readonly Instance[];
  readonly #onEvent: (event: ElectionEvent) => void;
  /** A member whose interface or address is not there yet; null: all are. */
  readonly #awaited: string | null;
  #phase: ToldPhase;

  /** `phase`: what was told of it last, where it has been there before. */
  constructor(
    config: SyncGroupConfig,
    instances: readonly Instance[],
    onEvent: (event: ElectionEvent) => void,
    awaited: readonly string[],
    phase: ToldPhase = 'initialize',
  ) {
    this.#phase = phase;
    this.#name = config.name;
    this.#onEvent = onEvent;
    this.#awaited = config.instances.find((name) => awaited.includes(name)) ?? null;
    this.#members = config.instances.flatMap((name) => {
      const member = instances.find((candidate) => candidate.name === name);
      const isKnown = member !== undefined || awaited.includes(name);
      assert(isKnown, `instance ${name} of sync group ${config.name} exists`);
      return member ?? [];
    });
  }

  get name(): string {
    return this.#name;
  }

  /** As told last. */
  get phase(): ToldPhase {
    return this.#phase;
  }

  /** After every round: one member's change becomes that of all. */
  settle(now: number): void {
    for (const member of this.#members) {
      const faulty = this.#members.find((each) => each !== member && each.isFaulty);
      const other = this.#awaited ?? faulty?.name ?? null;
      const text = `instance "${other}" of sync group "${this.#name}" is in fault`;
      member.setGroupFault(other === null ? null : text, now);
    }
    const order = groupOrder(this.#readMembers(now));
    if (order !== null && this.#awaited === null) {
      for (const member of this.#members) member.follow(order, this.#name, now);
    }
    this.tell(now);
  }

  /** Tells what the group is as a whole, if that has changed. */
  tell(now: number): void {
    const phase = this.#awaited === null ? groupPhase(this.#readMembers(now)) : 'fault';
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#onEvent({ kind: 'group', group: this.#name, to: phase });
  }

  #readMembers(now: number): readonly Member[] {
    return this.#members.map((member) => ({ phase: member.phase, due: member.isDue(now) }));
  }
}
