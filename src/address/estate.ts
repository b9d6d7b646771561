/**
 * What an election leaves behind when its process ends without a word, or hangs: the addresses it held, until when
 * they may stay, and how to hear that another node has them. Each election has a module that exports
 * `openEstate` and `vigilOf`; the reaper (address/reaping.ts, address/vigil.ts) goes by it and knows no election.
 */

import type { InterfaceAddress, Link } from '../linux/netlink-route.ts';
import type { ResolvedAddresses } from './resolve.ts';

/** Addresses that had one owner. */
export type Inheritance = {
  readonly name: string;
  readonly resolved: ResolvedAddresses;
  /** ms of linux/clock.ts: by then every other node that there is has taken over. */
  readonly until: number;
  /** The caller closes it. null: nothing can be heard, and `until` alone counts. */
  listen(): SuccessorEar | null;
};

export type SuccessorEar = {
  /** Readable when whySucceeded() has something to look at. */
  readonly fd: number;
  /** Why the addresses are another's now, for the log; null: they are not, as far as is heard. */
  whySucceeded(now: number): string | null;
  close(): void;
};

/** By what the reaper knows, while the process is there, that it hangs. */
export type VigilPlan = {
  /** Where it notes what it is master of, and its signs of life. */
  readonly mastershipFile: string;
  /** By the names in that file: ms after its last sign of life by which a master counts as hung. */
  readonly silencesMs: ReadonlyMap<string, number>;
};

export type VigilOf<Estate> = (estate: Estate) => VigilPlan;

/** What there is on this machine when the process has ended. */
export type Remains = {
  readonly links: readonly Link[];
  readonly present: readonly InterfaceAddress[];
};

/**
 * `estate`: what the election's section of the configuration said of itself (contracts/election.ts,
 * estate()). Throws OperationalError where this machine is not as it was then.
 */
export type OpenEstate<Estate> = (estate: Estate, remains: Remains) => readonly Inheritance[];
