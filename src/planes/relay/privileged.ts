/**
 * The relays' half in the guardian. Nothing they do takes rights: it says how many of them there are, since
 * each has sockets of its own, and hands them the page that they beat on.
 */

import type { StartPrivilegedPlane } from '../../contracts/data-plane.ts';
import { availableRelays } from '../../linux/processors.ts';
import type { RelayGrant } from './grant.ts';

export const startPrivilegedRelays: StartPrivilegedPlane = async ({ process }) => {
  const relays = process.relays === 0 ? availableRelays() : process.relays;
  return {
    sockets: relays,
    loops: Array.from({ length: relays }, (_, relay) => `relay ${relay}`),
    grant: (beatFd): RelayGrant => ({ relays, beatFd }),
    stop: async () => {},
  };
};
