/**
 * Warnings about servers, held back until the checks of the others have come by: one cause that several servers
 * share is one line that names them all.
 */

/** Checks of all servers have come by then, unless they are rarer than that. */
const HOLD_MS = 5000;

export type SharedWarning = {
  readonly backend: string;
  /** In the order in which it was seen at them. */
  readonly servers: readonly string[];
  readonly text: string;
};

type Held = SharedWarning & { readonly servers: string[]; readonly since: number };

/** Holds as many as the servers have; each is told once, 5 to 6 s after the first server had it. */
export class HeldWarnings {
  #held: Held[] = [];

  /** `now`: ms, monotonic, as for `due`. */
  add(backend: string, server: string, text: string, now: number): void {
    const known = this.#held.find((one) => one.backend === backend && one.text === text);
    if (known === undefined) this.#held.push({ backend, servers: [server], text, since: now });
    else if (!known.servers.includes(server)) known.servers.push(server);
  }

  /** Those that have waited long enough, which are forgotten by that. */
  due(now: number): readonly SharedWarning[] {
    const due = this.#held.filter(({ since }) => now - since >= HOLD_MS);
    this.#held = this.#held.filter(({ since }) => now - since < HOLD_MS);
    return due;
  }
}
