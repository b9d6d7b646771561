/**
 * What an operator should know about the network around an instance, from what is heard and not heard:
 * peers that were never heard, virtual routers of strangers with our number, and
 * claims to our addresses. Pure; times in milliseconds.
 */

import { formatIpAddress, type IpAddress } from '../core/ip-address.ts';

/** Sources named; the rest is counted only. */
const SOURCES_MAX = 16;
/** A stranger that has been silent for this long is forgotten. */
const FORGET_MS = 60_000;

type Seen = { readonly text: string; readonly count: number; readonly at: number };

export class WireWatch {
  readonly #peers: readonly IpAddress[];
  readonly #heard = new Set<IpAddress>();
  readonly #seen = new Map<string, Seen>();
  #listeningSince: number | null = null;

  /** `peers`: unicast only; a multicast group has no list of members. */
  constructor(peers: readonly IpAddress[]) {
    this.#peers = peers;
  }

  /** A good advertisement came. */
  onHeard(source: IpAddress): void {
    if (this.#peers.includes(source)) this.#heard.add(source);
  }

  /** An advertisement with our number was refused, or is of another list of addresses. */
  onStranger(source: IpAddress, what: string, now: number): void {
    this.#count(`${formatIpAddress(source)} ${what}`, now);
  }

  /** Somebody else claims an address that is held here. */
  onClaim(address: IpAddress, mac: string, now: number): void {
    this.#count(`${mac} claims ${formatIpAddress(address)}, which is held here`, now);
  }

  /** Sentences, empty when all is well. `downMs`: the down interval; a living master is heard in it. */
  warnings(downMs: number, now: number): readonly string[] {
    const warnings: string[] = [];
    for (const [key, { text, count, at }] of this.#seen) {
      if (now - at > FORGET_MS) this.#seen.delete(key);
      else warnings.push(`${text} (${count} times)`);
    }
    this.#listeningSince ??= now;
    if (now - this.#listeningSince <= 2 * downMs) return warnings;
    for (const peer of this.#peers) {
      if (this.#heard.has(peer)) continue;
      const name = formatIpAddress(peer);
      warnings.push(
        `no advertisement was ever seen from peer ${name}; it is well if ${name} was never master`,
      );
    }
    return warnings;
  }

  #count(text: string, now: number): void {
    const seen = this.#seen.get(text);
    if (seen === undefined && this.#seen.size >= SOURCES_MAX) return;
    this.#seen.set(text, { text, count: (seen?.count ?? 0) + 1, at: now });
  }
}
