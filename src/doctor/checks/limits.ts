/** Limits and settings of the kernel that let less happen than the configuration asks for. */

import type { DoctorCheck } from '../check.ts';
import type { Facts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

/** ip-sysctl, arp_ignore: "do not reply for all local addresses". */
const ARP_NEVER_ANSWERED = 8;
/** One to the client, one to the server. */
const FILES_PER_CONNECTION = 2;
/** Listeners, checks, statistics. */
const OTHER_FILES = 100;

export const LIMITS: DoctorCheck = {
  id: 'limits',
  needs: [],
  allWell: 'no limit or setting of the kernel is seen to be in the way',
  look(facts) {
    const { config, settings, openFilesMax } = facts;
    const found = [];
    const connections = config.balancer?.process.connectionsMax ?? 0;
    const needed = connections === 0 ? 0 : FILES_PER_CONNECTION * connections + OTHER_FILES;
    if (openFilesMax !== null && openFilesMax < needed) {
      const what = `The balancer may open ${openFilesMax} files, ${connections} connections take ${needed}`;
      const fix = `systemctl edit evergate  # [Service] LimitNOFILE=${needed}`;
      found.push(finding('few-open-files', what, fix));
    }
    if (config.vrrp !== null && settings.arpIgnore === ARP_NEVER_ANSWERED) {
      const what = 'net.ipv4.conf.all.arp_ignore is 8';
      const fix = 'sysctl -w net.ipv4.conf.all.arp_ignore=0  # and in /etc/sysctl.d';
      found.push(finding('arp-never-answered', what, fix));
    }
    return [...found, ...lookAtReversePaths(facts)];
  },
};

/** Clients of other networks are answered by the default route, wherever the VIP is. */
function lookAtReversePaths({ config, settings }: Facts): readonly Finding[] {
  const { strictReversePath, defaultInterfaces } = settings;
  const [leaves] = defaultInterfaces;
  const places = new Set((config.vrrp?.instances ?? []).map((instance) => instance.interface));
  return [...places].flatMap((place) => {
    if (leaves === undefined || defaultInterfaces.includes(place)) return [];
    if (!strictReversePath.includes(place)) return [];
    const what = `rp_filter is strict on "${place}", which has the VIP, and the default route leaves by "${leaves}"`;
    const fix = `sysctl -w net.ipv4.conf.${place}.rp_filter=2  # and in /etc/sysctl.d`;
    return [finding('reverse-path-strict', what, fix)];
  });
}
