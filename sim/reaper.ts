/** What address/reaping.ts does on a simulated machine whose guardian was killed alone, or hangs. */

import { decodeAdvertisement, type ReceivedPacket } from '../src/vrrp/packet.ts';
import { downIntervalMs } from '../src/vrrp/timers.ts';
import type { NodeView, WorldView } from './views.ts';

export class Reaper {
  readonly #world: WorldView;
  readonly #node: NodeView;
  readonly #remove: (why: string) => void;
  /** It removes the address, or was killed itself. */
  #over = false;

  /** `from`: when its guardian last advertised, by its clock. `remove` takes the address from the kernel. */
  constructor(world: WorldView, node: NodeView, from: number, remove: (why: string) => void) {
    this.#world = world;
    this.#node = node;
    this.#remove = remove;
    const { version, intervalMs } = node.config;
    const until = from + downIntervalMs(version, 1, intervalMs);
    const at = world.lagged(Math.max(world.now, node.clock.when(until, world.now)));
    world.plan(at, () => this.#end('the reaper: nobody has taken over'));
  }

  get isOver(): boolean {
    return this.#over;
  }

  onPacket(packet: ReceivedPacket): void {
    if (!this.#world.reapersHear) return;
    const decoded = decodeAdvertisement(packet, this.#node.wire.expectation);
    if (!decoded.ok || decoded.value.advertisement.priority === 0) return;
    this.#world.plan(this.#world.soon(), () => this.#end('the reaper: another is master'));
  }

  /** Its addresses are left to their lifetime, or to a new guardian. */
  kill(): void {
    this.#over = true;
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#remove(why);
  }
}
