/** The article's cluster: three masters, one virtual address, and a host with the clients on the same segment. */

export type TopologyNode = { readonly name: string; readonly address: string };

export type Topology = {
  readonly nodes: readonly TopologyNode[];
  readonly interface: string;
  readonly prefixLength: number;
  readonly vip: string;
  readonly vipPort: number;
  readonly apiserverPort: number;
  readonly statsPort: number;
  readonly statsPath: string;
  /** Several, so that `balance source` spreads them. */
  readonly clientAddresses: readonly string[];
};

const CLIENT_COUNT = 30;

export const ARTICLE: Topology = {
  nodes: [
    { name: 'k8s-master', address: '192.168.1.92' },
    { name: 'k8s-node1', address: '192.168.1.93' },
    { name: 'k8s-node2', address: '192.168.1.95' },
  ],
  interface: 'ens192',
  prefixLength: 24,
  vip: '192.168.1.94',
  vipPort: 8443,
  apiserverPort: 6443,
  statsPort: 1080,
  statsPath: '/haproxyadmin?stats',
  clientAddresses: Array.from({ length: CLIENT_COUNT }, (_, index) => `192.168.1.${100 + index}`),
};
