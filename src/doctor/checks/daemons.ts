/** Others that hold the VIP, or may: keepalived, kube-vip and their like. */

import type { DoctorCheck } from '../check.ts';
import type { Facts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

const VIP_DAEMONS = ['keepalived', 'kube-vip', 'ucarp', 'vrrpd', 'uvrrpd'];

export const DAEMONS: DoctorCheck = {
  id: 'other-daemons',
  needs: ['configuration'],
  allWell: 'nothing else here holds the VIP or looks after it',
  look(facts) {
    const daemons = facts.processes.filter(({ name }) => VIP_DAEMONS.includes(name));
    // A daemon has several processes; the first is the one that its service started.
    const names = [...new Set(daemons.map(({ name }) => name))];
    const wants = (facts.config.vrrp?.instances ?? []).length > 0;
    const running = names.map((name) => {
      const pids = daemons.filter((each) => each.name === name).map(({ pid }) => pid);
      const what = `"${name}" runs here, too (pid ${pids.join(', ')})`;
      return finding('other-vip-daemon', what, stopping(name));
    });
    return [...heldByOthers(facts, names), ...(wants ? running : [])];
  },
};

/** kube-vip is a static pod of kubelet's, which starts it again as long as its manifest is there. */
function stopping(name: string): string {
  return name === 'kube-vip'
    ? 'mv /etc/kubernetes/manifests/kube-vip.yaml /root/'
    : `systemctl disable --now ${name}`;
}

function heldByOthers(
  { config, addresses, guardian }: Facts,
  daemons: readonly string[],
): readonly Finding[] {
  // Whether it is ours cannot be told.
  if (guardian.kind === 'no-right') return [];
  const states = guardian.kind === 'running' ? guardian.report.vrrp : [];
  return (config.vrrp?.instances ?? []).flatMap((instance) => {
    // A loopback address of that number is configured by hand, for servers behind a balancer.
    if (states.some(({ name, held }) => name === instance.name && held)) return [];
    return instance.addresses.flatMap(({ address, prefixLength }) => {
      const place = addresses.find((each) => each.address === address);
      if (place === undefined) return [];
      const by =
        daemons.length === 0 ? '' : `; ${daemons.map((name) => `"${name}"`).join(', ')} runs`;
      const what = `The VIP ${address} is on "${place.interface}", though not by Evergate${by}`;
      const removal = `ip address del ${address}/${prefixLength} dev ${place.interface}`;
      const fix = [...daemons.map(stopping), removal].join(' && ');
      return [finding('vip-held-by-other', what, fix)];
    });
  });
}
