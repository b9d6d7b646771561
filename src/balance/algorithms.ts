/** The balance algorithms there are, by name. Nothing else outside of their own files names one. */

import type { Algorithm } from './algorithm.ts';
import { FIRST } from './first.ts';
import { LEASTCONN } from './leastconn.ts';
import { RANDOM } from './random.ts';
import { ROUNDROBIN } from './roundrobin.ts';
import { SOURCE } from './source.ts';
import { STATIC_RR } from './static-rr.ts';

const ALGORITHMS = {
  leastconn: LEASTCONN,
  roundrobin: ROUNDROBIN,
  'static-rr': STATIC_RR,
  source: SOURCE,
  first: FIRST,
  random: RANDOM,
} as const;

/** A backend's algorithm in the configuration model. */
export type BalanceConfig = (typeof ALGORITHMS)[keyof typeof ALGORITHMS]['plain'];

export type AlgorithmName = BalanceConfig['kind'];

/** In the order in which messages and pages name them. */
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly AlgorithmName[];

/** What is true of each algorithm; where its name and its `kind` part, this does not compile. */
const BY_NAME: Readonly<Record<AlgorithmName, Algorithm<BalanceConfig>>> = ALGORITHMS;

export function algorithmOf(name: AlgorithmName): Algorithm<BalanceConfig> {
  return BY_NAME[name];
}

export function isAlgorithmName(name: string): name is AlgorithmName {
  return Object.hasOwn(ALGORITHMS, name);
}
