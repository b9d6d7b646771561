/**
 * In what other nodes advertise something else than this one would: their files differ. Pure; times in milliseconds.
 */

import { formatIpAddress, type IpAddress } from '../core/ip-address.ts';

/** Each as evergate.yaml calls it, and how long it must be so: a master that hands over says another interval for a while. */
const PATIENCE_MS = { vip: 0, interval: 15_000, 'router-id': 3000 } as const;
/** Who has not been heard for so long, and for two down intervals, may say something else by now. */
const FORGET_MS = 10_000;
const SOURCES_MAX = 16;

export type PeerFact = keyof typeof PATIENCE_MS;

export type PeerDifference = {
  readonly source: string;
  readonly fact: PeerFact;
  readonly theirs: string;
};

type Seen = { readonly theirs: string; readonly since: number; at: number };

export class PeerDifferences {
  readonly #seen = new Map<IpAddress, Map<PeerFact, Seen>>();

  /** `theirs`: what was heard instead of ours. */
  differs(source: IpAddress, fact: PeerFact, theirs: string, now: number): void {
    let facts = this.#seen.get(source);
    if (facts === undefined && this.#seen.size >= SOURCES_MAX) return;
    facts ??= new Map();
    this.#seen.set(source, facts);
    const seen = facts.get(fact);
    if (seen !== undefined && seen.theirs === theirs) seen.at = now;
    else facts.set(fact, { theirs, since: now, at: now });
  }

  /** What was heard is as here. Costs nothing while nobody differs. */
  agrees(source: IpAddress, fact: PeerFact): void {
    if (this.#seen.size === 0) return;
    const facts = this.#seen.get(source);
    facts?.delete(fact);
    if (facts?.size === 0) this.#seen.delete(source);
  }

  /** `downMs`: the down interval; a living master is heard in it. */
  tell(downMs: number, now: number): readonly PeerDifference[] {
    const forgetMs = Math.max(FORGET_MS, 2 * downMs);
    const told: PeerDifference[] = [];
    for (const [source, facts] of this.#seen) {
      for (const [fact, { theirs, since, at }] of facts) {
        if (now - at > forgetMs) this.agrees(source, fact);
        else if (at - since >= PATIENCE_MS[fact]) {
          told.push({ source: formatIpAddress(source), fact, theirs });
        }
      }
    }
    return told;
  }
}
