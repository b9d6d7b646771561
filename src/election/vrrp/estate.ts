/**
 * What a speaker leaves behind that was killed: who is master of an instance's addresses then shows in
 * advertisements, and the lowest of backups takes over after its Master_Down_Interval.
 */

import type { Inheritance, OpenEstate, SuccessorEar, VigilOf } from '../../address/estate.ts';
import { readMastership, recordName } from '../../address/mastership.ts';
import { assert } from '../../core/assert.ts';
import { formatIpAddress } from '../../core/ip-address.ts';
import { OtherClocks } from '../../core/other-clocks.ts';
import { bootMs } from '../../linux/clock.ts';
import type { Link } from '../../linux/netlink-route.ts';
import { silenceMs } from '../../vrrp/timers.ts';
import { WireWatch } from '../../vrrp/wire-watch.ts';
import { Advertiser, type Surroundings } from './advertiser.ts';
import { resolveOrAwait } from './awaited.ts';
import type { ResolvedInstance } from './resolve.ts';
import { heldMs, type VrrpEstate } from './section.ts';

/** Packets taken at one go. */
const PACKETS_MAX = 512;

export const openEstate: OpenEstate<VrrpEstate> = (
  { vrrp, mastershipFile },
  { links, present },
) => {
  const mastership = readMastership(mastershipFile);
  return resolveOrAwait(vrrp, links, present).resolved.map((resolved): Inheritance => {
    const { name } = resolved.config;
    const left = mastership.get(recordName(name));
    const advertIntervalMs = left?.everyMs ?? resolved.config.advertIntervalMs;
    return {
      name,
      resolved,
      until: (left?.shownAt ?? bootMs()) + heldMs({ ...resolved.config, advertIntervalMs }),
      listen: () => listen(resolved, links),
    };
  });
};

export const vigilOf: VigilOf<VrrpEstate> = ({ vrrp, mastershipFile }) => ({
  mastershipFile,
  silencesMs: new Map(
    vrrp.instances.map(({ name, advertIntervalMs }) => [name, silenceMs(advertIntervalMs)]),
  ),
});

/** The reaper asks nobody for its time. */
function silently(): Surroundings {
  return { warn: () => {}, clocks: new OtherClocks(), onClockDoubt: () => {} };
}

function listen(instance: ResolvedInstance, links: readonly Link[]): SuccessorEar | null {
  const byName = (wanted: string | undefined) => links.find(({ name }) => name === wanted) ?? null;
  const base = byName(instance.config.interface);
  assert(base !== null, 'interfaces of resolved instances exist');
  const virtual = byName(instance.config.virtualMac?.name);
  const counters = { sent: 0, received: 0, dropped: {}, watch: new WireWatch([]) };
  try {
    const advertiser = new Advertiser(instance, { base, virtual }, counters, silently());
    return {
      fd: advertiser.fd,
      whySucceeded: (now) => whySucceeded(advertiser, now),
      close: () => advertiser.close(),
    };
  } catch {
    // It goes when its time is over instead.
    return null;
  }
}

function whySucceeded(advertiser: Advertiser, now: number): string | null {
  for (let count = 0; count < PACKETS_MAX; count += 1) {
    const received = advertiser.receive(now);
    if (received === null) return null;
    const { heard } = received;
    if (heard !== null && heard.priority > 0) {
      return `${formatIpAddress(heard.source)} is master now`;
    }
  }
  return null;
}
