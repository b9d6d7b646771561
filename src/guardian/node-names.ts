/**
 * Follows the names that nodes are given by, so that VRRP speaks to them where they are: when one leads elsewhere the
 * files are read again. Nobody waits for an answer, and one that fails changes nothing.
 */

import type { NameAddresses } from '../config/evergate-yaml/draft.ts';
import type { Ask } from '../lookup/ask.ts';
import { NameLoop } from '../lookup/name-loop.ts';
import { KEEP_FOR_GOOD } from '../names/knowledge.ts';
import { leadsElsewhere } from '../names/leads-elsewhere.ts';
import { askAgainMs } from '../names/schedule.ts';

/** What came of it may have been refused, e.g. because the node's address is not there yet, and may be taken later. */
const TOLD_AGAIN_MS = 10_000;

export type NodeNamesOptions = {
  readonly ask: Ask;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** A name leads elsewhere than where it is followed to. */
  readonly onMoved: (name: string) => void;
};

export class NodeNames {
  readonly #options: NodeNamesOptions;
  readonly #loops = new Map<string, NameLoop>();
  #followed: NameAddresses = {};
  /** When it was told last that a name leads elsewhere, ms. */
  readonly #toldAt = new Map<string, number>();

  constructor(options: NodeNamesOptions) {
    this.#options = options;
  }

  /** Where the configuration in force has them. */
  follow(names: NameAddresses): void {
    this.#followed = names;
    for (const [name, loop] of this.#loops) {
      if (Object.hasOwn(names, name)) continue;
      loop.end();
      this.#loops.delete(name);
      this.#toldAt.delete(name);
    }
    for (const name of Object.keys(names)) {
      if (!this.#loops.has(name)) this.#loops.set(name, this.#ask(name));
    }
  }

  stop(): void {
    this.follow({});
  }

  #ask(name: string): NameLoop {
    const { ask, now } = this.#options;
    return new NameLoop({
      question: { kind: 'addresses', name },
      ask,
      hold: KEEP_FOR_GOOD,
      pauseMs: (answer) => askAgainMs(answer, false),
      now,
      onLearned: () => this.#learned(name),
    });
  }

  #learned(name: string): void {
    const known = this.#loops.get(name)?.knowledge.known ?? [];
    const found = known.map(({ host }) => host);
    if (found.length === 0 || !leadsElsewhere(this.#followed[name] ?? [], found)) return;
    const now = this.#options.now();
    if (now - (this.#toldAt.get(name) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return;
    this.#toldAt.set(name, now);
    this.#options.onMoved(name);
  }
}
