/**
 * Whose connections one address and port of the cluster has: a set, with a digest of each of its 64 parts, so that two
 * nodes that lost a datagram find out which part they differ in, and tell only that again. Pure.
 */

/** Of a set. */
export const PARTS = 64;
/** Connections known of one node at most, and told by it. */
export const CLIENTS_MAX = 100_000;

/** A client's address and port, as a text of their bytes in network order: 6 or 18. */
export type ClientKey = string;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 32 bits (FNV-1a, then mixed as MurmurHash3 ends: neighbours are to differ in every bit). */
function hashOf(key: ClientKey): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 0 to PARTS - 1. */
export function partOf(key: ClientKey): number {
  return hashOf(key) % PARTS;
}

export class ClientList {
  /** With the look at which each was seen last. */
  readonly #seen = new Map<ClientKey, number>();
  readonly #digests = new Uint32Array(PARTS);

  get size(): number {
    return this.#seen.size;
  }

  /** Of the parts: the exclusive or of what is in each. */
  get digests(): readonly number[] {
    return [...this.#digests];
  }

  has(key: ClientKey): boolean {
    return this.#seen.has(key);
  }

  /** Whether it is new. `look`: for sweep(). */
  add(key: ClientKey, look = 0): boolean {
    const isNew = !this.#seen.has(key);
    this.#seen.set(key, look);
    if (isNew) this.#toggle(key);
    return isNew;
  }

  delete(key: ClientKey): void {
    if (this.#seen.delete(key)) this.#toggle(key);
  }

  /** Takes out what was not seen at this look, and returns it. */
  sweep(look: number): readonly ClientKey[] {
    const gone = [...this.#seen].filter(([, seen]) => seen !== look).map(([key]) => key);
    for (const key of gone) this.delete(key);
    return gone;
  }

  keys(): readonly ClientKey[] {
    return [...this.#seen.keys()];
  }

  inParts(parts: ReadonlySet<number>): readonly ClientKey[] {
    return this.keys().filter((key) => parts.has(partOf(key)));
  }

  /** Parts in which it is not what has these digests. */
  differing(digests: readonly number[]): readonly number[] {
    return digests.flatMap((digest, part) => (digest === this.#digests[part] ? [] : [part]));
  }

  #toggle(key: ClientKey): void {
    const hash = hashOf(key);
    const part = hash % PARTS;
    this.#digests[part] = ((this.#digests[part] ?? 0) ^ hash) >>> 0;
  }
}
