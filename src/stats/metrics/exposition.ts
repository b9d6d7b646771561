/**
 * Prometheus's text format (version 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/):
 * a metric is a row of a table, which says where its samples come from.
 */

import type { ProcessInfo } from '../info.ts';
import type { NodeFacts } from '../node-facts.ts';
import type { StatRow } from '../rows.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4';

/** What all metrics are made of: one moment of one node. */
export type MetricSources = {
  readonly rows: readonly StatRow[];
  readonly info: ProcessInfo;
  /** null: the guardian has not told them lately. */
  readonly facts: NodeFacts | null;
};

/** Which part of `?scope=` a metric belongs to, as in HAProxy's exporter; the rest is in every answer. */
export type MetricScope = 'global' | 'frontend' | 'backend' | 'server' | 'evergate';

export type Sample = {
  /** Pairs of name and value. */
  readonly labels: readonly (readonly [string, string])[];
  /** null: there is no such value here (NaN). */
  readonly value: number | null;
};

export type Metric = {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly scope: MetricScope;
  samples(sources: MetricSources): readonly Sample[];
};

/** Whose row it is, as HAProxy's exporter labels it. */
export function labelsOf(row: StatRow): Sample['labels'] {
  const proxy = ['proxy', row.proxy] as const;
  return row.kind === 'server' ? [proxy, ['server', row.server]] : [proxy];
}

/** One sample of a value without labels. */
export function plain(value: number): readonly Sample[] {
  return [{ labels: [], value }];
}

/** A sample for each state, 1 for the one that holds: how a word becomes numbers. */
export function stateSamples(
  labels: Sample['labels'],
  states: readonly string[],
  now: string,
): readonly Sample[] {
  return states.map((state) => ({
    labels: [...labels, ['state', state]],
    value: state === now ? 1 : 0,
  }));
}

/** A metric without a sample is left out. */
export function expose(metrics: readonly Metric[], sources: MetricSources): string {
  return metrics
    .map(({ name, type, help, samples }) => {
      const lines = samples(sources).map((sample) => `${name}${labelText(sample)}\n`);
      return lines.length === 0
        ? ''
        : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

function labelText({ labels, value }: Sample): string {
  const pairs = labels.map(([name, text]) => `${name}="${escapeLabel(text)}"`);
  const all = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${all} ${value === null ? 'NaN' : value}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
