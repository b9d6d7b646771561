/** How many threads this machine can keep busy: sched_getaffinity(2), by way of the runtime. */

import { availableParallelism } from 'node:os';

/** An API server's node has other work; more than this gains nothing at a control plane's load. */
const RELAYS_AT_MOST = 4;

/** Relay threads when the configuration does not say: half the processors, at least one. */
export function availableRelays(): number {
  return Math.max(1, Math.min(RELAYS_AT_MOST, Math.floor(availableParallelism() / 2)));
}
