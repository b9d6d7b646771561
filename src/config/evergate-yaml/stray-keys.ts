/** Keys at the margin of the file that belong to the block above them, whose lines are indented. */

import { parseIpAddress } from '../../core/ip-address.ts';
import { keysAt, meantKey } from './known-keys.ts';
import { NATIVE_SCHEMA } from './schema.ts';
import type { Tree } from './tree.ts';

/** Blocks at the top of the file whose keys are names that the file chooses. */
export const NAMED_BLOCKS: Readonly<Record<string, string>> = {
  nodes: 'a node',
  servers: 'a server',
  services: 'a service',
};

/** Whether it is what such a block holds: an address, a block with one, or a service. */
function isNamedThing(value: Tree): boolean {
  if (value.kind === 'map') return value.entries.has('address') || value.entries.has('listen');
  if (value.kind === 'list' || typeof value.value !== 'string') return false;
  return parseIpAddress(value.value.replace(/^([\d.]+):\d+$/, '$1')).ok;
}

/** By key, in the order of the file: the block that it belongs to. */
export function strayKeys(tree: Tree): ReadonlyMap<string, string> {
  const strays = new Map<string, string>();
  if (tree.kind !== 'map') return strays;
  let above: string | null = null;
  for (const [key, { value }] of tree.entries) {
    if (Object.hasOwn(NATIVE_SCHEMA.shape, key)) {
      const opens = value.kind === 'map' || (value.kind === 'scalar' && value.value === null);
      above = opens ? key : null;
    } else if (above !== null) {
      const belongs = Object.hasOwn(NAMED_BLOCKS, above)
        ? meantKey([], key) === null && isNamedThing(value)
        : keysAt([above]).includes(key);
      if (belongs) strays.set(key, above);
    }
  }
  return strays;
}
