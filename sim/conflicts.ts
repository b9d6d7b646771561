/** Two owners that hear each other well: allowed until each has heard the other's next advertisement. */

import { isWell } from './network.ts';
import { conflictMs } from './settings.ts';
import type { CheckerView, NodeView, WorldView } from './views.ts';

export class Conflicts {
  readonly #world: WorldView;
  readonly #checker: CheckerView;
  /** Per pair, the lower number first: since when. */
  readonly #since: number[];

  constructor(world: WorldView, checker: CheckerView) {
    const count = world.settings.priorities.length;
    this.#world = world;
    this.#checker = checker;
    this.#since = new Array(count * count).fill(Number.POSITIVE_INFINITY);
  }

  /** The node decides differently from now on: its rivals have to hear it anew. */
  forget(node: NodeView): void {
    const { length } = this.#world.nodes;
    for (let other = 0; other < length; other += 1) {
      this.#since[node.index * length + other] = Number.POSITIVE_INFINITY;
      this.#since[other * length + node.index] = Number.POSITIVE_INFINITY;
    }
  }

  /** Called after every change of owners, processes or links. */
  watch(): void {
    const owners = this.#world.nodes.filter((node) => node.isUp && node.kernelHolds);
    const { length } = this.#world.nodes;
    const seen = new Set<number>();
    for (const left of owners) {
      for (const right of owners) {
        if (left.index >= right.index || !this.#hearEachOther(left, right)) continue;
        const pair = left.index * length + right.index;
        seen.add(pair);
        if (this.#since[pair] === Number.POSITIVE_INFINITY) this.#begin(pair, left, right);
      }
    }
    for (const pair of this.#since.keys()) {
      if (!seen.has(pair)) this.#since[pair] = Number.POSITIVE_INFINITY;
    }
  }

  #begin(pair: number, left: NodeView, right: NodeView): void {
    const { now, settings } = this.#world;
    const boundMs = conflictMs(settings);
    this.#since[pair] = now;
    this.#checker.count('two owners');
    // Planned with room for the rounding of sums.
    this.#world.plan(now + boundMs + 0.001, () => {
      if (this.#since[pair] !== now) return;
      const text = `nodes ${left.index} and ${right.index} both own for ${boundMs.toFixed(1)} ms`;
      this.#checker.fail('two owners', text);
    });
  }

  #hearEachOther({ index: left }: NodeView, { index: right }: NodeView): boolean {
    const { network } = this.#world;
    return isWell(network.link(left, right)) && isWell(network.link(right, left));
  }
}
