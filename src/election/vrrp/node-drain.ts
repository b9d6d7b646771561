/**
 * `evergate drain node` at work: all instances are drained, or none is. Each leaves by itself (vrrp/machine.ts);
 * when all of them have, it shows whether others have followed.
 */

import type { FromSpeaker } from './messages.ts';

/** What it needs of an Instance. */
type Drainable = {
  readonly name: string;
  readonly phase: string;
  readonly leaveMs: number;
  drain(waitMs: number, now: number): void;
  makeReady(now: number): void;
};

export class NodeDrain {
  #wanted = false;
  #isUnderWay = false;

  /** Begins; settle() tells when it is over. */
  ask(drained: boolean, instances: readonly Drainable[], now: number): void {
    this.#wanted = drained;
    this.#isUnderWay = true;
    this.#tell(instances, now);
  }

  /** An instance that a reload has begun: what holds for the node holds for it. */
  join(instance: Drainable, now: number): void {
    if (this.#wanted) instance.drain(instance.leaveMs, now);
  }

  /** After every round, sync groups included; null: nothing to tell. */
  settle(instances: readonly Drainable[], now: number): FromSpeaker | null {
    if (!this.#isUnderWay || instances.some(({ phase }) => phase === 'leaving')) return null;
    this.#isUnderWay = false;
    if (!this.#wanted) return { kind: 'drain-settled', refusal: null };
    const kept = instances.filter(({ phase }) => phase === 'master');
    this.#wanted = kept.length === 0;
    // One that a sync group has made a backup meanwhile is drained, too.
    this.#tell(instances, now);
    if (this.#wanted) return { kind: 'drain-settled', refusal: null };
    const names = kept.map(({ name }) => `"${name}"`).join(', ');
    const refusal =
      `No other node took over VRRP instance ${names}: this node keeps what it has and is not ` +
      'drained; start Evergate on another node, or end its drain there with "evergate ready node"';
    return { kind: 'drain-settled', refusal };
  }

  /** All wait for as long as the slowest: a sync group elsewhere follows when its last member is due. */
  #tell(instances: readonly Drainable[], now: number): void {
    const waitMs = Math.max(0, ...instances.map(({ leaveMs }) => leaveMs));
    for (const instance of instances) {
      if (this.#wanted) instance.drain(waitMs, now);
      else instance.makeReady(now);
    }
  }
}
