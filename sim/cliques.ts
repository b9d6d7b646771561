/** Who hears whom, when the network has come to rest. */

import { isCut, isWell, type Network } from './network.ts';
import type { NodeView } from './views.ts';

/**
 * The groups within which every node hears every other well, and nobody outside; null while some
 * link is neither well nor cut, or hearing is not mutual. Machines that are off are in no group.
 */
export function cliques(world: {
  readonly nodes: readonly NodeView[];
  readonly network: Network;
}): readonly (readonly NodeView[])[] | null {
  const online = world.nodes.filter(({ online }) => online);
  const groups: NodeView[][] = [];
  for (const node of online) {
    const group = groups.find(
      ([first]) => first !== undefined && hears(world.network, node, first),
    );
    if (group === undefined) groups.push([node]);
    else group.push(node);
  }
  for (const left of online) {
    for (const right of online) {
      if (left === right) continue;
      const link = world.network.link(left.index, right.index);
      const together = groups.some((group) => group.includes(left) && group.includes(right));
      if (together ? !isWell(link) : !isCut(link)) return null;
    }
  }
  return groups;
}

function hears(network: Network, left: NodeView, right: NodeView): boolean {
  return (
    isWell(network.link(left.index, right.index)) && isWell(network.link(right.index, left.index))
  );
}
