/** Others that hold the VIP, or may: keepalived, kube-vip and their like. */

import type { DoctorCheck } from '../check.ts';
import type { Facts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

const VIP_DAEMONS = ['keepalived', 'kube-vip', 'ucarp', 'vrrpd', 'uvrrpd', 'pacemakerd'];
/** kube-proxy in IPVS mode holds there whatever is an address of a Service. */
const SERVICES_INTERFACE = 'kube-ipvs0';
/** Of networks of pods: bridges, tunnels, and where Cilium has a node's addresses in them. */
const POD_INTERFACE = /^(cni\d|flannel\.|cilium_|vxlan\.calico|tunl0$|kube-bridge$|weave$)/;

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
  if (guardian.kind === 'no-right' || guardian.kind === 'not-answering') return [];
  const states = guardian.kind === 'running' ? guardian.report.vrrp : [];
  return (config.vrrp?.instances ?? []).flatMap((instance) => {
    const isOurs = states.some(({ name, held }) => name === instance.name && held);
    return instance.addresses.flatMap(({ address, prefixLength }) => {
      const places = addresses.filter((each) => each.address === address);
      const cluster = places.flatMap((place) => heldByCluster(address, place.interface));
      if (cluster.length > 0) return cluster;
      const [place] = places;
      // A loopback address of that number is configured by hand, for servers behind a balancer.
      if (place === undefined || isOurs) return [];
      const by =
        daemons.length === 0 ? '' : `; ${daemons.map((name) => `"${name}"`).join(', ')} runs`;
      const what = `The VIP ${address} is on "${place.interface}", though not by Evergate${by}`;
      const removal = `ip address del ${address}/${prefixLength} dev ${place.interface}`;
      const fix = [...daemons.map(stopping), removal].join(' && ');
      return [finding('vip-held-by-other', what, fix)];
    });
  });
}

/** These are on every node alike, and come back when they are taken away. */
function heldByCluster(address: string, place: string): readonly Finding[] {
  const held = `The VIP ${address} is on "${place}"`;
  if (place === SERVICES_INTERFACE) {
    const what = `${held}: a Service has it, and kube-proxy holds it on every node`;
    const fix = `kubectl get services --all-namespaces -o wide | grep -wF ${address}  # give that one another`;
    return [finding('vip-held-by-other', what, fix)];
  }
  if (!POD_INTERFACE.test(place)) return [];
  const what = `${held}, an interface of the network of pods`;
  const fix = `ip address show dev ${place}  # its network must not have the VIP`;
  return [finding('vip-held-by-other', what, fix)];
}
