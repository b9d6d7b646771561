/**
 * The metrics that HAProxy's exporter has, too, under its names, types and labels, so that dashboards and
 * alerts for HAProxy go on working. test/interop compares them with the real one. What a TCP balancer never
 * counts (HTTP caches, TLS sessions, compression) is left out rather than shown as 0.
 */

import type { CheckStatus } from '../../health/server-state.ts';
import type { ProcessInfo } from '../info.ts';
import type { BackendRow, FrontendRow, ServerRow, StatRow } from '../rows.ts';
import { counterMetrics } from './counter-metrics.ts';
import { labelsOf, type Metric, plain, type Sample, stateSamples } from './exposition.ts';

const SERVER_STATES = ['DOWN', 'UP', 'MAINT', 'DRAIN', 'NOLB'];

/** In its exporter's order; what Evergate never finds is left out. */
const CHECK_STATES: readonly CheckStatus[] = [
  'HANA',
  'SOCKERR',
  'L4OK',
  'L4TOUT',
  'L4CON',
  'L6OK',
  'L6TOUT',
  'L6RSP',
  'L7TOUT',
  'L7RSP',
  'L7OK',
  'L7OKC',
  'L7STS',
];

const RESPONSE_CODES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'];

/** "DOWN" of "DOWN 1/2", as the exporter's label has it; a server without a check is up. */
function serverState({ status }: ServerRow): string {
  const [word = ''] = status.split(' ');
  return word === 'no' ? 'UP' : word;
}

type Kinds = { frontend: FrontendRow; backend: BackendRow; server: ServerRow };
type Value<Row> = (row: Row) => number | null;
type States<Row> = (row: Row, labels: Sample['labels']) => readonly Sample[];

function rowMetric<Kind extends keyof Kinds>(
  kind: Kind,
  [name, type, help]: readonly [string, Metric['type'], string],
  states: States<Kinds[Kind]>,
): Metric {
  return {
    name: `haproxy_${kind}_${name}`,
    type,
    help,
    scope: kind,
    samples: ({ rows }) =>
      rows.flatMap((row) => (row.kind === kind ? states(row as Kinds[Kind], labelsOf(row)) : [])),
  };
}

function rowMetrics<Kind extends keyof Kinds>(
  kind: Kind,
  table: readonly (readonly [string, Metric['type'], string, Value<Kinds[Kind]>])[],
): readonly Metric[] {
  return table.map(([name, type, help, value]) =>
    rowMetric(kind, [name, type, help], (row, labels) => [{ labels, value: value(row) }]),
  );
}

const seconds = (ms: number): number => ms / 1000;

/** What frontends, backends and servers have alike beside their counters. */
const TRAFFIC: readonly (readonly [string, Metric['type'], string, Value<StatRow>])[] = [
  ['limit_sessions', 'gauge', 'Sessions that may be open at once', (row) => row.limit],
  ['max_session_rate', 'gauge', 'Most new sessions within a second', (row) => row.rateMax],
];

/** What backends and servers have alike beside their counters. */
const CONDITION: readonly (readonly [
  string,
  Metric['type'],
  string,
  Value<BackendRow | ServerRow>,
])[] = [
  ['weight', 'gauge', 'Weight in force', (row) => row.weight],
  ['uweight', 'gauge', 'Weight as configured or set by hand', (row) => row.weight],
  [
    'check_last_change_seconds',
    'gauge',
    'Seconds since the state last changed',
    (row) => row.lastChangeS,
  ],
];

const FRONTEND_METRICS: readonly Metric[] = [
  ...counterMetrics('frontend'),
  ...rowMetrics('frontend', [
    ...TRAFFIC,
    [
      'connections_rate_max',
      'gauge',
      'Most new connections within a second',
      (row) => row.connectionRateMax,
    ],
  ]),
  rowMetric('frontend', ['status', 'gauge', 'Whether it listens, by state'], (_, labels) =>
    stateSamples(labels, ['DOWN', 'UP'], 'UP'),
  ),
  rowMetric(
    'frontend',
    ['http_requests_total', 'counter', 'HTTP requests since the start'],
    ({ http }, labels) => (http === null ? [] : [{ labels, value: http.requests }]),
  ),
  rowMetric(
    'frontend',
    ['http_responses_total', 'counter', 'HTTP responses since the start, by code'],
    ({ http }, labels) =>
      (http?.responses ?? []).map((value, index) => ({
        labels: [...labels, ['code', RESPONSE_CODES[index] ?? '']],
        value,
      })),
  ),
];

/** Servers of the backend in each state; backends come after their servers in the rows. */
function aggregate(rows: readonly StatRow[], proxy: string, state: string): number {
  return rows.filter(
    (row) => row.kind === 'server' && row.proxy === proxy && serverState(row) === state,
  ).length;
}

const BACKEND_METRICS: readonly Metric[] = [
  ...counterMetrics('backend'),
  ...rowMetrics('backend', [
    ...TRAFFIC,
    ...CONDITION,
    ['active_servers', 'gauge', 'Usable servers, backups aside', (row) => row.usableActive],
    ['backup_servers', 'gauge', 'Usable backup servers', (row) => row.usableBackup],
    [
      'check_up_down_total',
      'counter',
      'Times the last usable server was lost',
      (row) => row.downTransitions,
    ],
    [
      'downtime_seconds_total',
      'counter',
      'Seconds without a usable server',
      (row) => row.downtimeS,
    ],
  ]),
  rowMetric('backend', ['status', 'gauge', 'Whether it has a usable server'], (row, labels) =>
    stateSamples(labels, ['DOWN', 'UP'], row.up ? 'UP' : 'DOWN'),
  ),
  {
    name: 'haproxy_backend_agg_server_status',
    type: 'gauge',
    help: 'Servers of the backend, by state',
    scope: 'backend',
    samples: ({ rows }) =>
      rows.flatMap((row) =>
        row.kind !== 'backend' || row.servers === 0
          ? []
          : SERVER_STATES.map((state) => ({
              labels: [
                ['proxy', row.proxy],
                ['state', state],
              ],
              value: aggregate(rows, row.proxy, state),
            })),
      ),
  },
];

/** null: nothing is checked now. */
function runningCheck({ check }: ServerRow): ServerRow['check'] {
  return check?.running === true ? check : null;
}

const SERVER_METRICS: readonly Metric[] = [
  ...counterMetrics('server'),
  ...rowMetrics('server', [
    ...TRAFFIC,
    ...CONDITION,
    ['queue_limit', 'gauge', 'Clients that may wait for it', (row) => row.queueLimit],
    [
      'current_throttle',
      'gauge',
      'Percent of its weight while it warms up',
      (row) => row.throttle ?? null,
    ],
    [
      'check_failures_total',
      'counter',
      'Checks that failed while it was up',
      (row) => row.check?.failed ?? null,
    ],
    [
      'check_up_down_total',
      'counter',
      'Times it went down',
      (row) => (row.check === null ? null : row.downTransitions),
    ],
    [
      'downtime_seconds_total',
      'counter',
      'Seconds out of service',
      (row) => (row.check === null ? null : row.downtimeS),
    ],
  ]),
  rowMetric('server', ['status', 'gauge', 'What it is, by state'], (row, labels) =>
    stateSamples(labels, SERVER_STATES, serverState(row)),
  ),
  rowMetric('server', ['check_status', 'gauge', 'Last check, by result'], (row, labels) => {
    const check = runningCheck(row);
    return check === null ? [] : stateSamples(labels, CHECK_STATES, check.status);
  }),
  rowMetric('server', ['check_code', 'gauge', 'HTTP status of the last check'], (row, labels) => {
    const check = runningCheck(row);
    return check === null ? [] : [{ labels, value: check.code ?? 0 }];
  }),
  rowMetric(
    'server',
    ['check_duration_seconds', 'gauge', 'Time the last check took'],
    (row, labels) => {
      const check = runningCheck(row);
      return check === null ? [] : [{ labels, value: seconds(check.durationMs) }];
    },
  ),
];

const PROCESS: readonly (readonly [
  string,
  Metric['type'],
  string,
  (info: ProcessInfo) => number,
])[] = [
  ['nbthread', 'gauge', 'Relay threads', (info) => info.relays],
  ['uptime_seconds', 'gauge', 'Seconds since the balancer began to serve', (info) => info.uptimeS],
  ['start_time_seconds', 'gauge', 'When it did, by the wall clock', (info) => info.startTimeS],
  ['max_fds', 'gauge', 'File descriptors it may have', (info) => info.filesMax],
  ['max_sockets', 'gauge', 'Sockets it may have', (info) => info.filesMax],
  ['max_connections', 'gauge', 'Connections it may have', (info) => info.connectionsMax],
  ['requests_total', 'counter', 'HTTP requests to the pages', (info) => info.requestsTotal],
  ['current_connection_rate', 'gauge', 'New connections of the last second', (info) => info.rate],
  ['max_connection_rate', 'gauge', 'Most new connections in a second', (info) => info.rateMax],
  ['current_session_rate', 'gauge', 'New sessions of the last second', (info) => info.rate],
  ['max_session_rate', 'gauge', 'Most new sessions within a second', (info) => info.rateMax],
  ['stopping', 'gauge', '1 while it lets connections finish', (info) => (info.stopping ? 1 : 0)],
  ['listeners', 'gauge', 'Listening sockets', (info) => info.listeners],
  ['bytes_out_total', 'counter', 'Bytes to clients', (info) => info.bytesOut],
  ['bytes_out_rate', 'gauge', 'Bytes to clients within a second', (info) => info.bytesOutRate],
];

const PROCESS_METRICS: readonly Metric[] = [
  ...counterMetrics('global'),
  ...PROCESS.map(
    ([name, type, help, value]): Metric => ({
      name: `haproxy_process_${name}`,
      type,
      help,
      scope: 'global',
      samples: ({ info }) => plain(value(info)),
    }),
  ),
  {
    name: 'haproxy_process_build_info',
    type: 'gauge',
    help: 'Always 1; the version is a label',
    scope: 'global',
    samples: ({ info }) => [{ labels: [['version', info.version]], value: 1 }],
  },
];

export const HAPROXY_METRICS: readonly Metric[] = [
  ...PROCESS_METRICS,
  ...FRONTEND_METRICS,
  ...BACKEND_METRICS,
  ...SERVER_METRICS,
];
