/** What the state of interfaces means for an instance. */

import type { TrackingVerdict } from '../../contracts/election.ts';
import type { Link } from '../../linux/netlink-route.ts';
import { verdictOf } from '../../tracking/verdict.ts';
import type { ResolvedInstance } from './resolve.ts';

/** Those it uses: without one of them it can be nothing. */
export function linkFaults(
  { interfaceNames }: ResolvedInstance,
  links: ReadonlyMap<string, Link>,
): readonly string[] {
  return interfaceNames.flatMap((name) => {
    const link = links.get(name);
    if (link === undefined) return [`interface "${name}" is gone`];
    if (link.up) return [];
    const why = link.switchedOn ? 'has no carrier' : 'is switched off';
    return [`interface "${name}" ${why}`];
  });
}

/** Those it only tracks. */
export function linkVerdict(
  { config, interfaceNames }: ResolvedInstance,
  links: ReadonlyMap<string, Link>,
): TrackingVerdict {
  const tracked = config.trackInterfaces.map(({ name, weight }) => {
    return { kind: 'interface' as const, name, weight, passing: links.get(name)?.up ?? false };
  });
  // One that it uses as well is a fault already, with a reason.
  const known = ({ name, passing }: { name: string; passing: boolean }) =>
    !passing && interfaceNames.includes(name);
  return verdictOf(
    tracked.filter((each) => !known(each)),
    null,
  );
}
