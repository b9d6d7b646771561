/** Addresses of nodes with the names that the files give them. Pure. */

import type { Config } from '../../config/model/config.ts';

export function namesByAddress({ nodes = [] }: Config): ReadonlyMap<string, string> {
  const named = nodes.flatMap(({ name, addresses }) =>
    addresses.map((address) => [address, name] as const),
  );
  return new Map(named);
}

/** A sentence with nodes' names before their addresses. */
export function withNames(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(/[0-9a-f]*[.:][0-9a-f.:]*[0-9a-f]/g, (address) => {
    const name = names.get(address);
    return name === undefined ? address : `${name} (${address})`;
  });
}
