/** The metrics that HAProxy has no names for: counters, certificates, supervision, VRRP. */

import { type SkewServer, skewOf } from '../../balance/skew.ts';
import type { VipMoves } from '../node-facts.ts';
import type { ServerRow, StatRow } from '../rows.ts';
import type { InstanceStatus } from '../status.ts';
import { counterMetrics } from './counter-metrics.ts';
import { labelsOf, type Metric, plain, type Sample, stateSamples } from './exposition.ts';

type Words = readonly [name: string, type: Metric['type'], help: string];

function metric([name, type, help]: Words, samples: Metric['samples']): Metric {
  return { name: `evergate_${name}`, type, help, scope: 'evergate', samples };
}

function ofServers(
  words: Words,
  samples: (row: ServerRow, labels: Sample['labels']) => readonly Sample[],
): Metric {
  return metric(words, ({ rows }) =>
    rows.flatMap((row) => {
      return row.kind === 'server' ? samples(row, labelsOf(row)) : [];
    }),
  );
}

function ofInstances(
  words: Words,
  samples: (instance: InstanceStatus, labels: Sample['labels']) => readonly Sample[],
): Metric {
  return metric(words, ({ facts }) =>
    (facts?.vrrp ?? []).flatMap((instance) => samples(instance, [['instance', instance.name]])),
  );
}

/** One that only VRRP has. */
function figure(labels: Sample['labels'], value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

const INSTANCE_STATES = ['initialize', 'backup', 'master', 'fault'];

const SERVER_METRICS: readonly Metric[] = [
  ofServers(
    [
      'server_certificate_expiry_timestamp_seconds',
      'gauge',
      'When the certificate of the server ends, in seconds since 1970, as of the last check that saw it',
    ],
    ({ certificate }, labels) =>
      certificate === null ? [] : [{ labels, value: certificate.expiresAtMs / 1000 }],
  ),
  ofServers(
    [
      'server_certificate_missing_name',
      'gauge',
      '1 for each name clients use, such as the VIP, that the certificate of the server lacks',
    ],
    ({ certificate }, labels) =>
      (certificate?.missingNames ?? []).map((name) => ({
        labels: [...labels, ['name', name]],
        value: 1,
      })),
  ),
];

/** Of one backend, from its rows. */
function skewSamples(rows: readonly StatRow[], proxy: string): readonly Sample[] {
  const servers = rows.flatMap((row): SkewServer[] => {
    if (row.kind !== 'server' || row.proxy !== proxy) return [];
    const { server: name, backup, weight, state, counts } = row;
    const usable = state === 'up' || state === 'unchecked' || state === 'going-down';
    return [{ name, usable, backup, weight, sessions: counts.sessionsCurrent }];
  });
  const skew = skewOf(servers);
  return skew === null ? [] : [{ labels: [['proxy', proxy]], value: skew.ratio }];
}

const BACKEND_METRICS: readonly Metric[] = [
  metric(
    [
      'backend_skew_ratio',
      'gauge',
      'Most connections that a server has against its share by weight; 1: they are even',
    ],
    ({ rows }) =>
      rows.flatMap((row) => (row.kind === 'backend' ? skewSamples(rows, row.proxy) : [])),
  ),
];

const NODE_METRICS: readonly Metric[] = [
  metric(
    [
      'guardian_up',
      'gauge',
      '1 while the guardian tells what it knows; else the metrics below lack',
    ],
    ({ facts }) => plain(facts === null ? 0 : 1),
  ),
  metric(['build_info', 'gauge', 'Always 1; version and node are labels'], ({ facts }) =>
    facts === null
      ? []
      : [
          {
            labels: [
              ['version', facts.version],
              ['node', facts.node],
            ],
            value: 1,
          },
        ],
  ),
  metric(['balancer_restarts_total', 'counter', 'Times the balancer was replaced'], ({ facts }) =>
    facts === null ? [] : plain(facts.restarts),
  ),
  metric(
    ['balancer_spare_ready', 'gauge', '1 while a second balancer waits to take over'],
    ({ facts }) => (facts === null ? [] : plain(facts.spare === 'ready' ? 1 : 0)),
  ),
];

/** By instance, from the facts. */
function ofMoves(words: Words, samples: (moves: VipMoves) => readonly Sample[]): Metric {
  return metric(words, ({ facts }) => (facts?.moves ?? []).flatMap(samples));
}

const MOVE_METRICS: readonly Metric[] = [
  ofMoves(
    [
      'vip_moves_total',
      'counter',
      'Times the addresses came here, or went away, since the guardian was started',
    ],
    ({ instance, taken, given }) => [
      { labels: [...instanceLabel(instance), ['to', 'here']], value: taken },
      { labels: [...instanceLabel(instance), ['to', 'away']], value: given },
    ],
  ),
  ofMoves(
    [
      'vip_last_gap_seconds',
      'gauge',
      'The last time that an owner fell silent and this node took over: from its last word to the first here',
    ],
    ({ instance, lastGapMs }) =>
      lastGapMs === null ? [] : [{ labels: instanceLabel(instance), value: lastGapMs / 1000 }],
  ),
];

function instanceLabel(instance: string): Sample['labels'] {
  return [['instance', instance]];
}

const VRRP_METRICS: readonly Metric[] = [
  ofInstances(['vrrp_state', 'gauge', 'State of the instance'], ({ state }, labels) =>
    stateSamples(labels, INSTANCE_STATES, state),
  ),
  ofInstances(
    ['vrrp_owner', 'gauge', '1 while this node holds the virtual addresses'],
    ({ held }, labels) => [{ labels, value: held ? 1 : 0 }],
  ),
  ofInstances(
    ['vrrp_drained', 'gauge', '1 from `evergate drain node` to `evergate ready node`'],
    ({ drained }, labels) => [{ labels, value: drained ? 1 : 0 }],
  ),
  ofInstances(
    ['vrrp_last_resort', 'gauge', '1 while a drained node is master because no other is'],
    ({ lastResort }, labels) => [{ labels, value: lastResort ? 1 : 0 }],
  ),
  ofInstances(['vrrp_priority', 'gauge', 'Priority in force'], (instance, labels) =>
    figure(labels, instance.effectivePriority),
  ),
  ofInstances(
    ['vrrp_transitions_total', 'counter', 'Changes of state'],
    ({ transitions }, labels) => [{ labels, value: transitions }],
  ),
  ofInstances(
    ['vrrp_advertisements_sent_total', 'counter', 'Advertisements sent'],
    ({ advertsSent }, labels) => figure(labels, advertsSent),
  ),
  ofInstances(
    ['vrrp_advertisements_received_total', 'counter', 'Advertisements heard and accepted'],
    ({ advertsReceived }, labels) => figure(labels, advertsReceived),
  ),
  ofInstances(
    ['vrrp_packets_dropped_total', 'counter', 'Packets that were not accepted, by reason'],
    ({ dropped = {} }, labels) =>
      Object.entries(dropped).map(([reason, value]) => ({
        labels: [...labels, ['reason', reason]],
        value,
      })),
  ),
  ofInstances(
    ['vrrp_doubts', 'gauge', 'Reasons why a master may not be the only one'],
    ({ doubts }, labels) => [{ labels, value: doubts?.length ?? 0 }],
  ),
  ofInstances(
    ['vrrp_warnings', 'gauge', 'What is wrong on the wire; evergate status has the sentences'],
    ({ warnings }, labels) => [{ labels, value: warnings?.length ?? 0 }],
  ),
];

export const EVERGATE_METRICS: readonly Metric[] = [
  ...counterMetrics('evergate'),
  ...BACKEND_METRICS,
  ...SERVER_METRICS,
  ...NODE_METRICS,
  ...MOVE_METRICS,
  ...VRRP_METRICS,
];
