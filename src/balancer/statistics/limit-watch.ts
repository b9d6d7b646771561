/**
 * Says in time that a limit of connections is near: at the limit clients wait in the kernel's queue, and
 * nothing in front of them tells why.
 */

const NEAR = 0.8;
/** Below it the warning may come again. */
const FAR = 0.7;

export type Limited = {
  /** As a sentence begins: 'Frontend "kube-api"'. */
  readonly name: string;
  readonly current: number;
  /** 0: none. */
  readonly limit: number;
};

export class LimitWatch {
  readonly #near = new Set<string>();

  /** What is to be said now, once for each time a limit comes near. */
  warnings(all: readonly Limited[]): readonly string[] {
    return all.flatMap(({ name, current, limit }) => {
      if (limit === 0 || current < limit * FAR) this.#near.delete(name);
      if (limit === 0 || current < limit * NEAR || this.#near.has(name)) return [];
      this.#near.add(name);
      const percent = Math.floor((current * 100) / limit);
      return [
        `${name} has ${current} of ${limit} connections (${percent}%); at the limit new clients wait: raise it`,
      ];
    });
  }
}
