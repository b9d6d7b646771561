/**
 * `evergate drain node` at work, pure: all instances are drained, or none is. Each leaves by itself
 * (vrrp/machine.ts); when all of them have, it shows whether others have followed. Asked again, a node that is
 * master as the last resort offers once more to leave.
 */

/** What it needs of an instance. */
export type Drainable = {
  readonly name: string;
  readonly phase: string;
  /** Drained and master, or leaving as such. */
  readonly isLastResort: boolean;
  readonly leaveMs: number;
  drain(waitMs: number, now: number): void;
  makeReady(now: number): void;
};

/** `refusal`: why the node is not drained as it was asked to be; null: it is as asked. */
export type Settled = { readonly refusal: string | null };

export class NodeDrain {
  #wanted = false;
  #isAsked = false;

  /** Begins; settle() tells when it is over. */
  ask(drained: boolean, instances: readonly Drainable[], now: number): void {
    this.#wanted = drained;
    this.#isAsked = true;
    this.#tell(instances, now);
  }

  /** An instance that a reload has begun: what holds for the node holds for it. */
  join(instance: Drainable, now: number): void {
    if (this.#wanted) instance.drain(instance.leaveMs, now);
  }

  /** After every round, sync groups included; null: nothing to tell. */
  settle(instances: readonly Drainable[], now: number): Settled | null {
    if (!this.#isAsked || instances.some(({ phase }) => phase === 'leaving')) return null;
    this.#isAsked = false;
    if (!this.#wanted) return { refusal: null };
    const kept = instances.filter(({ phase }) => phase === 'master');
    this.#wanted = kept.every(({ isLastResort }) => isLastResort);
    // One that a sync group has made a backup meanwhile is drained, too; a last resort has just offered.
    this.#tell(this.#wanted ? instances.filter(({ phase }) => phase !== 'master') : instances, now);
    if (kept.length === 0) return { refusal: null };
    const names = kept.map(({ name }) => `"${name}"`).join(', ');
    const outcome = this.#wanted
      ? 'this node stays drained, and serves as the last resort until another one can'
      : 'this node keeps what it has and is not drained';
    const refusal =
      `No other node took over VRRP instance ${names}: ${outcome}; ` +
      'start Evergate on another node, or end its drain there with "evergate ready node"';
    return { refusal };
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
