/**
 * The relays' half in the guardian: it says how many of them there are, since each has sockets of its own, and hands
 * them the page that they beat on. What takes rights they do themselves (thread-rights.ts); here it is tried.
 */

import { usesForeignAddresses } from '../../config/model/traffic.ts';
import type { StartPrivilegedPlane } from '../../contracts/data-plane.ts';
import { OperationalError } from '../../core/errors.ts';
import { availableRelays } from '../../linux/processors.ts';
import { foreignSourcesProblem } from '../../linux/stream-calls.ts';
import type { RelayGrant } from './grant.ts';

export const startPrivilegedRelays: StartPrivilegedPlane = async ({ process, backends }) => {
  if (usesForeignAddresses(backends)) tryForeignSources();
  const relays = process.relays === 0 ? availableRelays() : process.relays;
  return {
    sockets: relays,
    loops: Array.from({ length: relays }, (_, relay) => `relay ${relay}`),
    grant: (beatFd): RelayGrant => ({ relays, beatFd }),
    needsNewBalancer(before, after) {
      if (!usesForeignAddresses(after.backends)) return false;
      tryForeignSources();
      return !usesForeignAddresses(before.backends);
    },
    stop: async () => {},
  };
};

/** Throws OperationalError where connections cannot come from addresses that are not this machine's. */
function tryForeignSources(): void {
  const problem = foreignSourcesProblem();
  if (problem === null) return;
  const text =
    `No connection can come from a client's address (${problem}): run Evergate as root, with CAP_NET_RAW in a ` +
    'container, or take "usesrc" or "source: client" out';
  throw new OperationalError('no-foreign-sources', text);
}
