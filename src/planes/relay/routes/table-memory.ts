/** Shared memory of the tables that relays keep: what stays of it, when the configuration changes. */

import { isSameTable, sourceTableMemory } from '../../../balance/source-table.ts';
import { stickTableMemory } from '../../../balance/stick-table.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import type { BackendConfig } from '../../../config/model/traffic.ts';
import type { TableMemory } from './routes.ts';

/** The tables of a configuration. */
type Tables = TableMemory & { readonly config: BalancerConfig };

export function tableMemory(
  config: BalancerConfig,
  relays: number,
  before: Tables | null,
): TableMemory {
  return {
    sticks: stickMemory(config, before),
    tables: sourceMemory(config, relays, before),
  };
}

function sourceMemory(
  config: BalancerConfig,
  relays: number,
  before: Tables | null,
): TableMemory['tables'] {
  const fresh = (sources: number): readonly SharedArrayBuffer[] =>
    Array.from({ length: relays }, () => sourceTableMemory(sources));
  return (config.tables ?? []).map((table) => {
    const known = before?.config.tables?.findIndex((one) => isSameTable(one, table)) ?? -1;
    return before?.tables[known] ?? fresh(table.sources);
  });
}

/** A table stays as long as its backend has the same servers and room for as many sources. */
function stickMemory(config: BalancerConfig, before: Tables | null): TableMemory['sticks'] {
  const keyOf = ({ name, servers, stickySources }: BackendConfig): string =>
    JSON.stringify([name, stickySources?.sources, servers.map((server) => server.name)]);
  const known = new Map(
    before?.config.backends.map((backend, index) => [keyOf(backend), before.sticks[index]]),
  );
  return config.backends.map((backend) => {
    if (backend.stickySources === undefined) return null;
    return known.get(keyOf(backend)) ?? stickTableMemory(backend.stickySources.sources);
  });
}
