/** What rates are made of: totals by the keys under which rows look their rates up. */

import type { BalancerConfig } from '../../config/model/config.ts';
import type { DataPlane } from '../../contracts/data-plane.ts';
import type { HttpProxyCounts } from '../admin/http-counts.ts';
import { ACCEPT_PAUSES, deniedKey } from './full-limits.ts';

export type TotalSources = {
  readonly config: BalancerConfig;
  readonly plane: Pick<DataPlane, 'counters'>;
  readonly http: readonly HttpProxyCounts[];
};

/** Totals whose growth per second is a rate, by the keys the rows look them up with. */
export function collectTotals(sources: TotalSources): ReadonlyMap<string, number> {
  const { config, plane, http } = sources;
  const totals = new Map<string, number>();
  let connections = 0;
  let bytesOut = 0;
  for (const [index, { name }] of config.frontends.entries()) {
    const total = plane.counters.frontend(index, 'connectionsTotal');
    totals.set(`frontend ${name}`, plane.counters.frontend(index, 'sessionsTotal'));
    totals.set(`connections ${name}`, total);
    totals.set(deniedKey(name), plane.counters.frontend(index, 'connectionsDenied'));
    connections += total;
    bytesOut += plane.counters.frontend(index, 'bytesOut');
  }
  for (const [index, backend] of config.backends.entries()) {
    totals.set(`backend ${backend.name}`, plane.counters.backend(index, 'sessionsTotal'));
    for (const [server, { name }] of backend.servers.entries()) {
      const total = plane.counters.server(index, server, 'sessionsTotal');
      totals.set(`server ${backend.name}/${name}`, total);
    }
  }
  for (const [index, counts] of http.entries()) {
    const name = config.httpFrontends[index]?.name;
    totals.set(`http ${name}`, counts.connectionsTotal);
    totals.set(`requests ${name}`, counts.requests);
    connections += counts.connectionsTotal;
    bytesOut += counts.bytesOut;
  }
  totals.set(ACCEPT_PAUSES, plane.counters.plane('acceptPauses'));
  return totals.set('connections', connections).set('bytesOut', bytesOut);
}
