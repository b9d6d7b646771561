/**
 * What a balance algorithm is to all who are not one: the words that configure it, what is true of it, and
 * how a picker of it is built. Each algorithm's file holds one of these, and algorithms.ts lists them.
 */

import type { Candidate, Picker } from './picker.ts';

/** HAProxy: `hash-type`. With `consistent` few clients change their server when one comes or goes. */
export const HASH_TYPES = ['map-based', 'consistent'] as const;
export type HashType = (typeof HASH_TYPES)[number];

/** `Config` is the algorithm's part of the configuration model. */
export type Algorithm<Config> = {
  /** As its bare name asks for it. */
  readonly plain: Config;
  /** `NAME(argument)`, as in `random(3)`; null: such an argument it does not take. Absent: it takes none. */
  withArgument?(argument: string): Config | null;
  /** Absent: it hashes nothing. */
  withHash?(hash: HashType): Config;
  /**
   * Weights stand as the file has them (HAProxy: a static algorithm): a server that warms up has all of its
   * weight at once, and an operator gives it that or none.
   */
  isStatic(config: Config): boolean;
  /** A client has one server, and waits for that one where another has room. */
  readonly keepsServer: boolean;
  /** A client that comes back goes where room is: moving connections evens out what the servers carry. */
  readonly sharesRoom: boolean;
  /** `candidates` has at least one. */
  createPicker(config: Config, candidates: readonly Candidate[], backend: BackendNumbers): Picker;
};

/** What an algorithm may know about the servers it does not see, and about itself. */
export type BackendNumbers = {
  /** Greatest common divisor of all weights, at least 1. */
  readonly divisor: number;
  /** The largest configured weight, at least 1. */
  readonly heaviest: number;
  /** Where one that rotates begins. */
  readonly phase: number;
};
