/** What a node leaves behind that held the lease: nobody is heard, but by the lease's end it is another's. */

import type { OpenEstate, VigilOf } from '../../src/address/estate.ts';
import { readMastership } from '../../src/address/mastership.ts';
import { resolveAddresses } from '../../src/address/resolve.ts';
import { bootMs } from '../../src/linux/clock.ts';
import type { LeaseEstate } from './lease-section.ts';

/** Signs come with every claim, each 50 ms. */
const SILENCE_MS = 500;

export const vigilOf: VigilOf<LeaseEstate> = ({ addresses, mastershipFile }) => ({
  mastershipFile,
  silencesMs: new Map(addresses.map(({ name }) => [name, SILENCE_MS])),
});

export const openEstate: OpenEstate<LeaseEstate> = (estate, { links }) => {
  const mastership = readMastership(estate.mastershipFile);
  return estate.addresses.map((config) => {
    const { name } = config;
    const renewedAt = mastership.get(name)?.shownAt ?? bootMs();
    const resolved = resolveAddresses(config, `Lease "${name}"`, links);
    return { name, resolved, until: renewedAt + estate.heldMs, listen: () => null };
  });
};
