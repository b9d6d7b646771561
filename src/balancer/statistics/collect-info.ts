/** Gathers what `show info` and the page's head tell about the process. */

import { hostname } from 'node:os';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { DataPlane } from '../../contracts/data-plane.ts';
import { PLANE } from '../../stats/catalogue.ts';
import { countsOf } from '../../stats/counts.ts';
import type { ProcessInfo } from '../../stats/info.ts';
import { VERSION } from '../../version.ts';
import type { HttpProxyCounts } from '../admin/http-counts.ts';
import type { Rates } from './rates.ts';

/** The HAProxy whose tables and answers are matched; tools look for a version they know. */
const COMPATIBLE_VERSION = '2.6.12';
const RELEASE_DATE = '2026/11/23';

export type InfoSources = {
  readonly config: BalancerConfig;
  /** null: not started yet. */
  readonly plane: Pick<DataPlane, 'counters' | 'health' | 'limits'> | null;
  readonly http: readonly HttpProxyCounts[];
  readonly rates: Rates;
  readonly uptimeMs: number;
  readonly listeners: number;
  readonly filesMax: number;
  readonly stopping: boolean;
  /** Bytes to clients from before counters were cleared. */
  readonly bytesOutBefore: number;
  /** Lines lost by the main thread; the data plane counts its own. */
  readonly ownLogsDropped: number;
};

/** To the clients of all frontends. */
export function relayedBytesOut(
  { frontends }: BalancerConfig,
  { counters }: Pick<DataPlane, 'counters'>,
): number {
  return frontends.reduce((sum, _, index) => sum + counters.frontend(index, 'bytesOut'), 0);
}

export function collectInfo(sources: InfoSources): ProcessInfo {
  const { config, plane, http, rates } = sources;
  const sum = (name: 'connectionsCurrent' | 'connectionsTotal' | 'requests' | 'bytesOut') =>
    http.reduce((total, counts) => total + counts[name], 0);
  const relayedOut = sources.bytesOutBefore + (plane === null ? 0 : relayedBytesOut(config, plane));
  const counts = countsOf(PLANE, (name) => (plane === null ? 0 : plane.counters.plane(name)));
  const limits = config.frontends.reduce((total, one) => total + one.connectionsMax, 0);
  const rate = rates.get('connections');
  const uptimeS = sources.uptimeMs / 1000;
  return {
    // As Debian adds its own; hatop has twelve places for it.
    version: `${COMPATIBLE_VERSION}-${VERSION}`,
    releaseDate: RELEASE_DATE,
    node: config.process.node ?? hostname(),
    pid: process.pid,
    relays: plane?.health().threads ?? 0,
    uptimeS,
    startTimeS: Date.now() / 1000 - uptimeS,
    filesMax: sources.filesMax,
    connectionsMax: config.process.connectionsMax || limits || (plane?.limits().connections ?? 0),
    counts: {
      ...counts,
      connectionsCurrent: counts.connectionsCurrent + sum('connectionsCurrent'),
      connectionsTotal: counts.connectionsTotal + sum('connectionsTotal'),
      logsDropped: counts.logsDropped + sources.ownLogsDropped,
    },
    requestsTotal: sum('requests'),
    rate: rate.current,
    rateMax: rate.max,
    listeners: sources.listeners,
    stopping: sources.stopping,
    bytesOut: relayedOut + sum('bytesOut'),
    bytesOutRate: rates.get('bytesOut').current,
    memoryBytes: process.memoryUsage.rss(),
  };
}
