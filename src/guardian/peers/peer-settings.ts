/** With whom this node speaks, and how: of the configuration, for all that nodes say to each other over UDP. */

import type { Config, NodeConfig } from '../../config/model/config.ts';

export type PeerSettings = {
  /** Of this node, and of all. */
  readonly node: string;
  readonly nodes: readonly NodeConfig[];
  readonly port: number;
  /** Text of the key file; null: the nodes share none, and believe nobody's orders. */
  readonly secret: string | null;
  readonly toleranceMs: number;
};

/** null: the nodes do not ask each other. */
export function peerSettings({ nodes, peers }: Config, node: string): PeerSettings | null {
  if (nodes === undefined || peers === undefined) return null;
  const { port, toleranceMs, secret } = peers;
  return { node, nodes, port, toleranceMs, secret };
}

/** All nodes but this one. */
export function othersOf({ node, nodes }: PeerSettings): readonly NodeConfig[] {
  return nodes.filter(({ name }) => name !== node);
}
