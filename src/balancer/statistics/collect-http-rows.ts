/** Rows of the HTTP proxies (stats page, monitor-uri). */

import type { BalancerConfig } from '../../config/model/config.ts';
import { assert } from '../../core/assert.ts';
import { BACKEND, FRONTEND, SERVER } from '../../stats/catalogue.ts';
import { noCounts } from '../../stats/counts.ts';
import type { HttpCounts, StatRow } from '../../stats/rows.ts';
import { countedSinceCleared, type HttpProxyCounts } from '../admin/http-counts.ts';
import { type Rates, wholeSeconds } from './rates.ts';

export type HttpRowSources = {
  readonly config: BalancerConfig;
  readonly rates: Rates;
  /** By the HTTP frontend's index. */
  readonly http: readonly HttpProxyCounts[];
  /** Monotonic, ms. */
  readonly now: number;
  /** When this balancer began to serve, on the same clock. */
  readonly startedAt: number;
};

/** What a backend without servers never has. */
const QUIET = {
  rate: 0,
  rateMax: 0,
  weight: 0,
  downtimeS: 0,
  downTransitions: 0,
  usableActive: 0,
  usableBackup: 0,
  servers: 0,
} as const;

/** A `listen` has a backend row without servers, as HAProxy's has; a `frontend` has none. */
export function httpRows(sources: HttpRowSources, index: number, proxyId: number): StatRow[] {
  const { config, rates, now, startedAt } = sources;
  const frontend = config.httpFrontends[index];
  const counts = sources.http[index];
  assert(frontend !== undefined && counts !== undefined, `HTTP frontend ${index} exists`);
  const rate = rates.get(`http ${frontend.name}`);
  const requests = rates.get(`requests ${frontend.name}`);
  const common = { proxy: frontend.name, proxyId, mode: 'http', now } as const;
  const { connectionsCurrent, connectionsMax } = counts;
  const since = countedSinceCleared(counts);
  const { connectionsTotal, bytesIn, bytesOut } = since;
  const http: HttpCounts = {
    requests: since.requests,
    requestRate: requests.current,
    requestRateMax: requests.max,
    responses: since.responses,
  };
  const rows: StatRow[] = [
    {
      ...common,
      kind: 'frontend',
      limit: frontend.connectionsMax,
      counts: {
        ...noCounts(FRONTEND),
        connectionsCurrent,
        connectionsMax,
        connectionsTotal,
        connectionsDenied: since.connectionsDropped,
        sessionsTotal: connectionsTotal,
        bytesIn,
        bytesOut,
      },
      rate: rate.current,
      rateMax: rate.max,
      connectionRate: rate.current,
      connectionRateMax: rate.max,
      http,
    },
  ];
  if (frontend.frontendOnly) return rows;
  rows.push({
    ...common,
    ...QUIET,
    kind: 'backend',
    limit: Math.ceil(frontend.connectionsMax / 10),
    algorithm: 'roundrobin',
    up: true,
    counts: { ...noCounts(BACKEND), bytesIn, bytesOut },
    serverCounts: { ...noCounts(SERVER), lastSessionMs: rate.lastGrowthMs ?? 0 },
    lastChangeS: wholeSeconds(now - startedAt),
    http: { ...http, responses: [0, 0, 0, 0, 0, 0], requests: 0 },
  });
  return rows;
}
