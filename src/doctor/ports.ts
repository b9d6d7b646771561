/** The ports that a configuration asks for. */

import type { Config } from '../config/model/config.ts';

export type ConfiguredPort = {
  readonly protocol: 'tcp' | 'udp';
  /** "0.0.0.0" and "::" are any. */
  readonly address: string;
  readonly port: number;
  /** Of those who call; "::" takes IPv4, too, where its socket does. */
  readonly families: readonly ('ip' | 'ip6')[];
  /** Other machines call it. */
  readonly isPublic: boolean;
  /** Where the files say so, or which key. */
  readonly origin: string;
};

export function configuredPorts({
  balancer,
  peers,
  nodes = [],
}: Config): readonly ConfiguredPort[] {
  const binds = [...(balancer?.frontends ?? []), ...(balancer?.httpFrontends ?? [])].flatMap(
    (frontend) => frontend.binds,
  );
  const listeners = binds.flatMap(({ address, origin }): ConfiguredPort[] => {
    if (address.kind === 'unix') return [];
    const { host, port } = address;
    const both = address.kind === 'ipv6' && !address.v6only && host === '::';
    const families = both
      ? (['ip', 'ip6'] as const)
      : ([address.kind === 'ipv6' ? 'ip6' : 'ip'] as const);
    const isPublic = !host.startsWith('127.') && host !== '::1';
    return [{ protocol: 'tcp', address: host, port, families, isPublic, origin }];
  });
  if (peers === undefined) return listeners;
  const families = new Set(
    nodes.flatMap(({ addresses }) => addresses.map((each) => each.includes(':'))),
  );
  const asked = [...families].map(
    (v6): ConfiguredPort => ({
      protocol: 'udp',
      address: v6 ? '::' : '0.0.0.0',
      port: peers.port,
      families: [v6 ? 'ip6' : 'ip'],
      isPublic: true,
      origin: 'peer-port',
    }),
  );
  return [...listeners, ...asked];
}
