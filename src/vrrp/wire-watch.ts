/**
 * What an operator should know about the network around an instance, from what is heard and not heard:
 * peers that were never heard, virtual routers of strangers with our number, and
 * claims to our addresses. Pure; times in milliseconds.
 */

import { formatIpAddress, type IpAddress } from '../core/ip-address.ts';
import { PeerDifferences } from './peer-differences.ts';

/** Sources named; the rest is counted only. */
const SOURCES_MAX = 16;
/** Begins what is said of a peer that was never master as far as was heard. */
export const NEVER_SEEN = 'no advertisement was ever seen from peer';
/** A stranger that has been silent for this long is forgotten. */
const FORGET_MS = 60_000;

const NO_FAREWELL =
  'advertises on after it said that it leaves (priority 0): somebody else may speak in its name';

type Seen = { count: number; at: number };

export class WireWatch {
  readonly differences = new PeerDifferences();
  readonly #peers: readonly IpAddress[];
  readonly #heard = new Set<IpAddress>();
  /** What is said of each source. Floods come through here: sentences are made when somebody asks. */
  readonly #strangers = new Map<IpAddress, Map<string, Seen>>();
  /** When each said that it leaves. */
  readonly #farewells = new Map<IpAddress, number>();
  readonly #claims = new Map<string, Seen>();
  #sentences = 0;
  #listeningSince: number | null = null;

  /** `peers`: unicast only; a multicast group has no list of members. */
  constructor(peers: readonly IpAddress[]) {
    this.#peers = peers;
  }

  /**
   * A good advertisement came. `soonMs`: one that follows a farewell (priority 0) of its source so soon says that
   * the farewell was none.
   */
  onHeard(
    source: IpAddress,
    priority: number,
    { now, soonMs }: { readonly now: number; readonly soonMs: number },
  ): void {
    if (this.#peers.includes(source)) this.#heard.add(source);
    if (priority === 0) {
      if (this.#farewells.size >= SOURCES_MAX) this.#farewells.clear();
      this.#farewells.set(source, now);
      return;
    }
    const at = this.#farewells.get(source);
    this.#farewells.delete(source);
    if (at !== undefined && now - at <= soonMs) this.onStranger(source, NO_FAREWELL, now);
  }

  /**
   * An advertisement with our number was refused, or is of another list of addresses. True: that is news.
   * More than SOURCES_MAX such news are not remembered.
   */
  onStranger(source: IpAddress, what: string, now: number): boolean {
    let said = this.#strangers.get(source);
    const seen = said?.get(what);
    if (seen !== undefined) {
      seen.count += 1;
      seen.at = now;
      return false;
    }
    if (this.#sentences >= SOURCES_MAX) return false;
    this.#sentences += 1;
    said ??= new Map();
    this.#strangers.set(source, said);
    said.set(what, { count: 1, at: now });
    return true;
  }

  /** Somebody else claims an address that is held here. */
  onClaim(address: IpAddress, mac: string, now: number): void {
    const text = `${mac} claims ${formatIpAddress(address)}, which is held here`;
    const seen = this.#claims.get(text);
    if (seen === undefined && this.#claims.size >= SOURCES_MAX) return;
    this.#claims.set(text, { count: (seen?.count ?? 0) + 1, at: now });
  }

  /** Sentences, empty when all is well. `downMs`: the down interval; a living master is heard in it. */
  warnings(downMs: number, now: number): readonly string[] {
    const warnings: string[] = [];
    for (const [source, said] of this.#strangers) {
      for (const [what, { count, at }] of said) {
        if (now - at <= FORGET_MS) {
          warnings.push(`${formatIpAddress(source)} ${what} (${count} times)`);
          continue;
        }
        said.delete(what);
        this.#sentences -= 1;
      }
      if (said.size === 0) this.#strangers.delete(source);
    }
    for (const [text, { count, at }] of this.#claims) {
      if (now - at > FORGET_MS) this.#claims.delete(text);
      else warnings.push(`${text} (${count} times)`);
    }
    this.#listeningSince ??= now;
    if (now - this.#listeningSince <= 2 * downMs) return warnings;
    for (const peer of this.#peers) {
      if (this.#heard.has(peer)) continue;
      const name = formatIpAddress(peer);
      warnings.push(`${NEVER_SEEN} ${name}; it is well if ${name} was never master`);
    }
    return warnings;
  }
}
