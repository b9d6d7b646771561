/** What Kubernetes' own daemons on this node would do with the VIP: kubelet's node address, kube-proxy's answers to ARP. */

import type { DoctorCheck } from '../check.ts';
import type { Facts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

/** kube-proxy in IPVS mode holds the addresses of all services there. */
const IPVS_INTERFACE = 'kube-ipvs0';

export const KUBERNETES: DoctorCheck = {
  id: 'kubernetes',
  needs: ['configuration'],
  allWell: 'kubelet and kube-proxy leave the VIP alone',
  look: (facts) => [...lookAtKubelets(facts), ...lookAtProxy(facts)],
};

function lookAtKubelets({ config, processes, addresses }: Facts): readonly Finding[] {
  const [instance] = config.vrrp?.instances ?? [];
  if (instance === undefined) return [];
  const vips = instance.addresses.map(({ address }) => address);
  const own = addresses.find((each) => {
    return each.interface === instance.interface && !vips.includes(each.address);
  });
  const flag = `--node-ip=${own?.address ?? 'ADDRESS'}`;
  const fix = `echo KUBELET_EXTRA_ARGS=${flag} >/etc/default/kubelet && systemctl restart kubelet`;
  return processes
    .filter(({ name }) => name === 'kubelet')
    .flatMap(({ pid, command }) => {
      const given = /\s--?node-ip[= ](\S+)/.exec(command)?.[1];
      if (given === undefined) {
        const what = `kubelet (pid ${pid}) runs without --node-ip`;
        return [finding('kubelet-chooses-address', what, fix)];
      }
      const vip = given.split(',').find((address) => vips.includes(address));
      if (vip === undefined) return [];
      const what = `kubelet (pid ${pid}) has the VIP ${vip} for its node's address`;
      return [finding('kubelet-takes-vip', what, fix)];
    });
}

/** strictARP is what sets these two; its ConfigMap takes rights in the cluster to read. */
function lookAtProxy({ addresses, settings }: Facts): readonly Finding[] {
  const isIpvs = addresses.some((each) => each.interface === IPVS_INTERFACE);
  if (!isIpvs || settings.arpIgnore !== 0) return [];
  const what = 'kube-proxy runs in IPVS mode, and net.ipv4.conf.all.arp_ignore is 0';
  const fix =
    'kubectl -n kube-system get configmap kube-proxy -o yaml | ' +
    "sed 's/strictARP: false/strictARP: true/' | kubectl apply -f - && " +
    'kubectl -n kube-system rollout restart daemonset kube-proxy';
  return [finding('strict-arp-off', what, fix)];
}
