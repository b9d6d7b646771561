/** What rates are made of: totals by the keys under which rows look their rates up. */

import type { BalancerConfig } from '../../config/model.ts';
import type { HttpProxyCounts } from '../admin/http-counts.ts';
import { backendCounter, frontendCounter, type Plane, serverCounter } from './counters.ts';

export type TotalSources = {
  readonly config: BalancerConfig;
  readonly plane: Plane;
  readonly http: readonly HttpProxyCounts[];
};

/** Totals whose growth per second is a rate, by the keys the rows look them up with. */
export function collectTotals(sources: TotalSources): ReadonlyMap<string, number> {
  const { config, plane, http } = sources;
  const totals = new Map<string, number>();
  let connections = 0;
  let bytesOut = 0;
  for (const index of config.frontends.keys()) {
    const total = frontendCounter(plane, index, 'connectionsTotal');
    totals.set(`frontend ${index}`, total);
    connections += total;
    bytesOut += frontendCounter(plane, index, 'bytesOut');
  }
  for (const [index, backend] of config.backends.entries()) {
    totals.set(`backend ${index}`, backendCounter(plane, index, 'sessionsTotal'));
    for (const server of backend.servers.keys()) {
      const total = serverCounter(plane, index, server, 'sessionsTotal');
      totals.set(`server ${index}/${server}`, total);
    }
  }
  for (const [index, counts] of http.entries()) {
    totals.set(`http ${index}`, counts.connectionsTotal);
    totals.set(`requests ${index}`, counts.requests);
    connections += counts.connectionsTotal;
    bytesOut += counts.bytesOut;
  }
  return totals.set('connections', connections).set('bytesOut', bytesOut);
}
