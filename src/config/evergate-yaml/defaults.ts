/**
 * The defaults that evergate.yaml does not spell out, each with its reason; docs/configuration.md tells
 * them too.
 */

/** Where `kubeadm init` puts a control plane's files. Those that are missing are done without. */
export const KUBEADM_CA = '/etc/kubernetes/pki/ca.crt';

export const NODES_MAX = 32;
export const SERVERS_MAX = 256;
export const SERVICES_MAX = 16;
export const NAMES_MAX = 64;
export const LISTENS_MAX = 16;
export const VIPS_MAX = 16;
export const USERS_MAX = 64;
export const LOGS_MAX = 16;

/** One proxy, as HAProxy's `listen`: frontend and backend of one name. */
export const PROXY_NAME = 'kube-apiserver';
export const STATS_NAME = 'stats';
/** One VRRP instance for the VIPs of each family. */
export const INSTANCE_NAMES = { ipv4: 'control-plane', ipv6: 'control-plane-ipv6' } as const;

/**
 * The first node's priority and the step to the next. A backup waits (256 - priority) / 256 of an interval
 * longer (RFC 5798 section 6.1), so high priorities take over sooner, and wide steps keep two backups
 * from doing it at once: at 100 ms a step of 20 is 8 ms.
 */
const PRIORITY_FIRST = 250;
const PRIORITY_STEP_MAX = 20;

/** Priority of the node at `index` of `count` in the file. */
export function priorityOf(index: number, count: number): number {
  const step = Math.min(PRIORITY_STEP_MAX, Math.floor(PRIORITY_FIRST / count));
  return PRIORITY_FIRST - index * step;
}

/**
 * The last number of the address, for IPv6 its last byte: two VIPs of one /24 never share it. 0, which is
 * none, becomes 255. Families do not share ids (RFC 9568 section 1.6).
 */
export function routerIdOf(vip: string): number {
  const group = vip.split(':').at(-1) ?? '';
  const last = vip.includes(':')
    ? Number.parseInt(group || '0', 16)
    : Number(vip.split('.').at(-1));
  return last % 256 === 0 ? 255 : last % 256;
}

/** UDP; beside the ports that control planes use by habit. */
export const PEER_PORT = 8445;
