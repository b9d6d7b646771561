/** Rows of the HTTP proxies (stats page, monitor-uri). */

import type { BalancerConfig } from '../../config/model/config.ts';
import { assert } from '../../core/assert.ts';
import type { HttpCounts, StatRow } from '../../stats/rows.ts';
import type { HttpProxyCounts } from '../admin/http-counts.ts';
import { lastSessionS, type Rates, wholeSeconds } from './rates.ts';

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
  sessionsCurrent: 0,
  sessionsMax: 0,
  sessionsTotal: 0,
  rate: 0,
  rateMax: 0,
  connectErrors: 0,
  retries: 0,
  redispatches: 0,
  clientAborts: 0,
  serverAborts: 0,
  connectTimeMs: 0,
  connectTimeMaxMs: 0,
  sessionTimeMs: 0,
  sessionTimeMaxMs: 0,
  weight: 0,
  downtimeS: 0,
  downTransitions: 0,
  usableActive: 0,
  usableBackup: 0,
  servers: 0,
} as const;

/** A `mode http` proxy of ours has a backend row without servers, as HAProxy's `listen` has. */
export function httpRows(sources: HttpRowSources, index: number, proxyId: number): StatRow[] {
  const { config, rates, now, startedAt } = sources;
  const frontend = config.httpFrontends[index];
  const counts = sources.http[index];
  assert(frontend !== undefined && counts !== undefined, `HTTP frontend ${index} exists`);
  const rate = rates.get(`http ${frontend.name}`);
  const requests = rates.get(`requests ${frontend.name}`);
  const common = { proxy: frontend.name, proxyId, mode: 'http' } as const;
  const http: HttpCounts = {
    requests: counts.requests,
    requestRate: requests.current,
    requestRateMax: requests.max,
    responses: counts.responses,
  };
  return [
    {
      ...common,
      kind: 'frontend',
      limit: frontend.connectionsMax,
      sessionsCurrent: counts.connectionsCurrent,
      sessionsMax: counts.connectionsMax,
      sessionsTotal: counts.connectionsTotal,
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      rate: rate.current,
      rateMax: rate.max,
      http,
    },
    {
      ...common,
      ...QUIET,
      kind: 'backend',
      limit: Math.ceil(frontend.connectionsMax / 10),
      algorithm: 'roundrobin',
      up: true,
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      lastSessionS: lastSessionS(rate, now),
      lastChangeS: wholeSeconds(now - startedAt),
      http: { ...http, responses: [0, 0, 0, 0, 0, 0], requests: 0 },
    },
  ];
}
