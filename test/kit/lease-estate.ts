/** What a node leaves behind that held the lease: nobody is heard, but by the lease's end it is another's. */

import type { OpenEstate } from '../../src/address/estate.ts';
import { readMastership } from '../../src/address/mastership.ts';
import { resolveAddresses } from '../../src/address/resolve.ts';
import { bootMs } from '../../src/linux/clock.ts';
import type { LeaseEstate } from './lease-section.ts';

export const openEstate: OpenEstate<LeaseEstate> = (estate, { links }) => {
  const mastership = readMastership(estate.mastershipFile);
  return estate.addresses.map((config) => {
    const { name } = config;
    const renewedAt = mastership.get(name)?.shownAt ?? bootMs();
    const resolved = resolveAddresses(config, `Lease "${name}"`, links);
    return { name, resolved, until: renewedAt + estate.heldMs, listen: () => null };
  });
};
