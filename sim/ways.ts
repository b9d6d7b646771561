/**
 * Where the clients and switches beside each node send what is for the address: to whom they heard announce
 * it last. The rule: once the cluster rests, all of them send it to the owner.
 */

import { announcementMs } from './settings.ts';
import type { CheckerView, NodeView, WorldView } from './views.ts';

export class Ways {
  readonly #world: WorldView;
  readonly #checker: CheckerView;
  readonly #announcers: number[];
  /** Per node: when it last did something that must end with all ways leading to the owner. */
  readonly #claimedAt: number[];

  constructor(world: WorldView, checker: CheckerView) {
    const count = world.settings.priorities.length;
    this.#world = world;
    this.#checker = checker;
    this.#announcers = new Array(count).fill(-1);
    this.#claimedAt = new Array(count).fill(Number.NEGATIVE_INFINITY);
  }

  /** A promotion, an announcement, or a master that yields to a better one. */
  claim(node: NodeView): void {
    this.#claimedAt[node.index] = this.#world.now;
  }

  learn(place: number, announcer: number): void {
    this.#announcers[place] = announcer;
  }

  /**
   * Looks at a group at rest, `boundMs` after its last claim. Without a claim since it came together there
   * is nothing to see: who left while nobody heard it cannot be made good by those who did not know.
   */
  watch(group: readonly NodeView[], restsStill: () => boolean): void {
    const { now, settings } = this.#world;
    const boundMs = announcementMs(settings);
    this.#world.plan(now + boundMs, () => {
      if (!restsStill()) return;
      const claimedAt = Math.max(...group.map(({ index }) => this.#claimedAt[index] ?? 0));
      if (claimedAt < this.#checker.disturbedAt) return;
      if (this.#world.now - claimedAt < boundMs) this.watch(group, restsStill);
      else this.#check(group);
    });
  }

  #check(group: readonly NodeView[]): void {
    const owner = group.find((node) => node.isUp && node.kernelHolds);
    if (owner === undefined) return;
    this.#checker.count('all ways lead to the owner');
    for (const { index } of group) {
      const announcer = this.#announcers[index];
      if (announcer === owner.index) continue;
      const text = `node ${owner.index} owns, clients beside node ${index} go to ${announcer}`;
      this.#checker.fail('all ways lead to the owner', text);
    }
  }
}
