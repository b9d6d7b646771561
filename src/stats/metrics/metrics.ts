/** All metrics, and the answer to one scrape. */

import { EVERGATE_METRICS } from './evergate-metrics.ts';
import { expose, type Metric, type MetricSources } from './exposition.ts';
import { HAPROXY_METRICS } from './haproxy-metrics.ts';

export const METRICS: readonly Metric[] = [...HAPROXY_METRICS, ...EVERGATE_METRICS];

/** Scopes a scrape may ask for: `?scope=server&scope=backend`; none or `*`: everything. */
export function metricsText(sources: MetricSources, scopes: readonly string[]): string {
  const all = scopes.length === 0 || scopes.includes('*');
  const asked = all ? METRICS : METRICS.filter(({ scope }) => scopes.includes(scope));
  return expose(asked, sources);
}
