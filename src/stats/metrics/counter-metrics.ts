/** The metrics of the catalogue's counters: each has the names and words of its row. */

import {
  BACKEND,
  type CounterRow,
  type CounterTable,
  type Counts,
  FRONTEND,
  PLANE,
  SERVER,
} from '../catalogue.ts';
import { namesOf, shownValue } from '../counts.ts';
import type { StatRow } from '../rows.ts';
import { labelsOf, type Metric, type MetricScope, plain, type Sample } from './exposition.ts';

/** A name of ours, which HAProxy's exporter does not have. */
const OWN = 'evergate_';

/** By the scope they belong to. */
export function counterMetrics(wanted: MetricScope): readonly Metric[] {
  return ALL.filter(({ scope }) => scope === wanted);
}

/** Counts of a row, where it has those of the table. */
type Counted<Table extends CounterTable> = (row: StatRow) => Counts<keyof Table & string> | null;

/** `words`: the metrics of one counter. */
function ofRows<Table extends CounterTable>(
  kind: Exclude<MetricScope, 'global' | 'evergate'>,
  table: Table,
  words: 'metrics' | 'backendMetrics',
  counted: Counted<Table>,
): readonly Metric[] {
  return namesOf(table).flatMap((counter) => {
    const inSeconds = table[counter]?.unit === 'ms' && table[counter].since !== true;
    return Object.entries(table[counter]?.[words] ?? {}).map(([name, help]): Metric => {
      const own = name.startsWith(OWN);
      const sample = (row: StatRow): readonly Sample[] => {
        const counts = counted(row);
        // HAProxy's exporter has zeros of proxies that never count such a thing; ours leaves them out.
        if (counts === null || (own && row.mode !== 'tcp')) return [];
        const value = shownValue(table, counter, counts, row.now);
        return [{ labels: labelsOf(row), value: inSeconds ? value / 1000 : value }];
      };
      return {
        name,
        type: typeOf(name),
        help,
        scope: own ? 'evergate' : kind,
        samples: ({ rows }) => rows.flatMap(sample),
      };
    });
  });
}

function ofPlane(): readonly Metric[] {
  return namesOf(PLANE).flatMap((counter) => {
    const { metrics = {} }: CounterRow = PLANE[counter];
    return Object.entries(metrics).map(
      ([name, help]): Metric => ({
        name,
        type: typeOf(name),
        help,
        scope: name.startsWith(OWN) ? 'evergate' : 'global',
        samples: ({ info }) => plain(info.counts[counter]),
      }),
    );
  });
}

/** As Prometheus names them (https://prometheus.io/docs/practices/naming/). */
function typeOf(name: string): Metric['type'] {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}

const ALL: readonly Metric[] = [
  ...ofPlane(),
  ...ofRows('frontend', FRONTEND, 'metrics', (row) =>
    row.kind === 'frontend' ? row.counts : null,
  ),
  ...ofRows('backend', BACKEND, 'metrics', (row) => (row.kind === 'backend' ? row.counts : null)),
  ...ofRows('backend', SERVER, 'backendMetrics', (row) =>
    row.kind === 'backend' ? row.serverCounts : null,
  ),
  ...ofRows('server', SERVER, 'metrics', (row) => (row.kind === 'server' ? row.counts : null)),
];
