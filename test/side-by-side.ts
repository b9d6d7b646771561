/**
 * Work side by side: always a few pieces at once, and more of them for as long as the processors have idle time.
 * Tests with real processes mostly wait, for timers of VRRP and of peers; on a machine that is busy anyway, more of
 * them at once would only make each other late.
 */

import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export type Limits = {
  /** So many at once, however busy the machine is. */
  readonly least: number;
  /** Never more at once. */
  readonly most: number;
};

/** What tells whether one more is welcome. */
export type Room = {
  /** A piece begins: what was seen before does not count any more. */
  readonly reset: () => void;
  /** Asked every LOOK_MS, and whenever a piece ends. */
  readonly isThere: () => boolean;
};

/** A file that has just begun loads modules and starts processes: what it needs is known later. */
const LOOK_MS = 1500;
/** One more file takes about half a processor; of two, so much has to be idle. */
const IDLE_SHARE = 0.35;

/** Resolves when all are done; rejects with the first error of `work`. They begin in the order given. */
export async function sideBySide<Item>(
  items: readonly Item[],
  { least, most }: Limits,
  work: (item: Item) => Promise<void>,
  room: Room = new IdleProcessors(),
): Promise<void> {
  const running = new Set<Promise<void>>();
  const errors: unknown[] = [];
  for (const item of items) {
    while (running.size >= most || (running.size >= least && !room.isThere())) {
      await Promise.race([...running, sleep(LOOK_MS, undefined, { ref: false })]);
    }
    room.reset();
    const piece = work(item)
      .catch((error: unknown) => void errors.push(error))
      .finally(() => running.delete(piece));
    running.add(piece);
  }
  await Promise.all(running);
  if (errors.length > 0) throw errors[0];
}

/** Whether the processors of this machine have been idle enough since the last piece began, or the last look. */
class IdleProcessors implements Room {
  #from = performance.now();
  #idleMs = idleMs();

  reset(): void {
    this.#from = performance.now();
    this.#idleMs = idleMs();
  }

  isThere(): boolean {
    const tookMs = performance.now() - this.#from;
    if (tookMs < LOOK_MS) return false;
    const share = (idleMs() - this.#idleMs) / (tookMs * cpus().length);
    this.reset();
    return share >= IDLE_SHARE;
  }
}

/** Of all processors together, since the machine started. */
function idleMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0);
}
