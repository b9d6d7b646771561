/** Why an instance is, or would be, in FAULT, by who says so, and what tracking adds to its priority. */

import { REMOVALS_MAX } from '../../address/rules/put-back.ts';
import type { TrackingVerdict } from '../../contracts/election.ts';
import type { SystemError } from '../../linux/errno.ts';
import type { Link } from '../../linux/netlink-route.ts';
import { linkFaults, linkVerdict } from './link-verdict.ts';
import type { ResolvedInstance, SourceFault } from './resolve.ts';

/** After addresses could not be added, the next try. */
const ADDRESS_FAULT_MS = 5000;
/** After somebody took them away again and again. */
const FIGHT_FAULT_MS = 30_000;

export class InstanceFaults {
  /** What tracking says. */
  verdict: TrackingVerdict;
  /** null: the main thread is alive. */
  main: string | null = null;
  /** null: no other member of its sync group is in FAULT. */
  group: string | null = null;
  /** A stranger holds one of its addresses. */
  stranger: string | null = null;
  /** The address that it sends from is not on its interface. */
  source: SourceFault | null = null;
  /** Addresses could not be added, or kept; `until`: the next try. */
  #address: { readonly text: string; readonly until: number } | null = null;
  #links: readonly string[] = [];
  /** Of the interfaces that are only tracked. */
  #trackedLinks: TrackingVerdict = { priorityDelta: 0, faults: [] };

  constructor(verdict: TrackingVerdict) {
    this.verdict = verdict;
  }

  /** The interfaces the instance uses, and those it only tracks. */
  readLinks(resolved: ResolvedInstance, links: ReadonlyMap<string, Link>): void {
    this.#links = linkFaults(resolved, links);
    this.#trackedLinks = linkVerdict(resolved, links);
  }

  /** An interface that it uses is missing or down. */
  get hasLinkFault(): boolean {
    return this.#links.length > 0;
  }

  get priorityDelta(): number {
    return this.verdict.priorityDelta + this.#trackedLinks.priorityDelta;
  }

  onUnheld({ message }: SystemError, now: number): void {
    const text = `addresses cannot be added: ${message}`;
    this.#address = { text, until: now + ADDRESS_FAULT_MS };
  }

  /** Taken away again and again, by `remover` (" by ..."). */
  onAddressesLost(remover: string, now: number): void {
    const text = `its addresses were taken away ${REMOVALS_MAX} times and once more${remover}`;
    this.#address = { text, until: now + FIGHT_FAULT_MS };
  }

  /** When addresses are tried again. */
  get addressUntil(): number {
    return this.#address?.until ?? Number.POSITIVE_INFINITY;
  }

  /** Whether it is time to try again. */
  endAddress(now: number): boolean {
    if (now < this.addressUntil) return false;
    this.#address = null;
    return true;
  }

  /** All but what its group has: that would keep a group in FAULT by itself. */
  own(): readonly string[] {
    const links = new Set([...this.#links, ...this.#trackedLinks.faults]);
    const faults = [...links, ...this.verdict.faults];
    if (this.source !== null) faults.unshift(this.source.text);
    if (this.stranger !== null) faults.unshift(this.stranger);
    if (this.main !== null) faults.unshift(this.main);
    if (this.#address !== null) faults.unshift(this.#address.text);
    return faults;
  }

  all(): readonly string[] {
    const own = this.own();
    return this.group === null ? own : [...own, this.group];
  }
}
