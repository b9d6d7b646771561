/** The rights of the running guardian, and of whoever asks. */

import type { Config } from '../../config/model/config.ts';
import type { DoctorCheck } from '../check.ts';
import { finding } from '../findings.ts';

/** By their bits (linux/capability.h): those without which something does not work at all. */
const NET_BIND_SERVICE = { name: 'CAP_NET_BIND_SERVICE', bit: 10n };
const NET_ADMIN = { name: 'CAP_NET_ADMIN', bit: 12n };
const NET_RAW = { name: 'CAP_NET_RAW', bit: 13n };
const SYS_PTRACE = { name: 'CAP_SYS_PTRACE', bit: 19n };

function has(mask: bigint, { bit }: { readonly bit: bigint }): boolean {
  return ((mask >> bit) & 1n) === 1n;
}

export const SIGHT: DoctorCheck = {
  id: 'sight',
  needs: [],
  allWell: 'nothing is hidden from this account',
  look({ asker }) {
    const hidden = [
      ...(has(asker.capabilities, SYS_PTRACE) ? [] : ['who has a port open']),
      ...(has(asker.capabilities, NET_ADMIN) ? [] : ['firewall rules']),
    ];
    if (hidden.length === 0) return [];
    const what = `This command has no right to see ${hidden.join(' or ')}`;
    return [finding('asks-without-rights', what, 'sudo evergate doctor')];
  },
};

export const RIGHTS: DoctorCheck = {
  id: 'rights',
  needs: ['guardian'],
  allWell: 'the guardian has the rights that the configuration takes',
  look({ guardian, config }) {
    if (guardian.kind !== 'running' || guardian.capabilities === null) return [];
    const mask = guardian.capabilities;
    const lacks = needed(config).filter((capability) => !has(mask, capability));
    if (lacks.length === 0) return [];
    const names = lacks.map(({ name }) => name);
    const what = `The guardian (pid ${guardian.report.pid}) has no ${names.join(', no ')}`;
    const fix = `systemctl edit evergate  # AmbientCapabilities=${names.join(' ')}, or as root`;
    return [finding('lacks-rights', what, fix)];
  },
};

function needed({ vrrp, balancer, redirects = [] }: Config) {
  const binds = (balancer?.frontends ?? []).flatMap(({ binds: all }) => all);
  const low = binds.some(({ address }) => address.kind !== 'unix' && address.port < 1024);
  return [
    ...(vrrp === null && redirects.length === 0 ? [] : [NET_ADMIN]),
    ...(vrrp === null ? [] : [NET_RAW]),
    ...(low ? [NET_BIND_SERVICE] : []),
  ];
}
