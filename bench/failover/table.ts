/** What the runs of bench/failover come to: medians, and Markdown tables. */

import type { Run } from './measure.ts';

export type Row = {
  readonly stack: string;
  readonly fault: string;
  readonly title: string;
  /** Empty: the stack cannot do this. */
  readonly runs: readonly Run[];
  /** What went wrong with the bench itself, not with the stack. */
  readonly problems: readonly string[];
};

export type Spread = { readonly median: number; readonly min: number; readonly max: number };

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Faults down, stacks across: ms from the fault to the last failed attempt. */
export function outageTable(
  rows: readonly Row[],
  titles: Readonly<Record<string, string>>,
): string {
  const stacks = Object.keys(titles).filter((name) => rows.some(({ stack }) => stack === name));
  const faults = new Map(rows.map(({ fault, title }) => [fault, title]));
  const lines = [...faults].map(([fault, title]) => {
    const cells = stacks.map((name) => {
      const row = rows.find((one) => one.stack === name && one.fault === fault);
      return row === undefined ? '' : outageCell(row);
    });
    return [title, ...cells];
  });
  return markdown(['fault', ...stacks.map((name) => titles[name] ?? name)], lines);
}

/** Everything else that was counted, one line per fault and stack. */
export function detailTable(rows: readonly Row[]): string {
  const heads = [
    'fault',
    'stack',
    'failed',
    'longest gap',
    'long cut',
    'kept',
    'silent stall',
    'two owners',
    'none',
    'at end',
  ];
  const lines = rows
    .filter(({ runs }) => runs.length > 0)
    .map(({ title, stack, runs }) => [
      title,
      stack,
      range(runs.map(({ failed }) => failed)),
      range(runs.map(({ longestGapMs }) => longestGapMs)),
      range(runs.map(({ watchesCut }) => watchesCut)),
      ...silentCells(runs),
      range(runs.map(({ severalOwnersMs }) => severalOwnersMs)),
      range(runs.map(({ noOwnerMs }) => noOwnerMs)),
      [...new Set(runs.map(({ ownersAtEnd }) => String(ownersAtEnd.length)))].sort().join(' or '),
    ]);
  return markdown(heads, lines);
}

/** Of those that were silent: how many were kept, and when the last of the others knew. */
function silentCells(runs: readonly Run[]): readonly [string, string] {
  const all = runs.flatMap(({ silent }) => (silent === undefined ? [] : [silent]));
  if (all.length === 0) return ['', ''];
  const more = all.some(({ hung }) => hung > 0) ? 'over ' : '';
  return [range(all.map(({ kept }) => kept)), more + range(all.map(({ stallMs }) => stallMs))];
}

export function runText(run: Run): string {
  const last = run.endless ? 'does not end' : `${run.outageMs} ms`;
  const owners = `owners ${run.ownersAtEnd.join('+') || 'nobody'}`;
  const several = run.severalOwnersMs > 0 ? `, two owners for ${run.severalOwnersMs} ms` : '';
  const { kept, stallMs, hung } = run.silent ?? { kept: 0, stallMs: 0, hung: 0 };
  const silent = `${kept} kept, stall ${hung > 0 ? 'over ' : ''}${stallMs} ms`;
  return `${last}, ${run.failed} failed, ${run.watchesCut} cut, ${silent}, ${owners}${several}`;
}

function outageCell({ runs, problems }: Row): string {
  if (runs.length === 0) return problems.length > 0 ? 'not measured' : '-';
  const endless = runs.filter((run) => run.endless).length;
  if (endless === runs.length) return 'does not end';
  const ended = runs.filter((run) => !run.endless).map(({ outageMs }) => outageMs);
  const some = endless > 0 ? `, ${endless} of ${runs.length} do not end` : '';
  return range(ended) + some;
}

function range(values: readonly number[]): string {
  const { median, min, max } = spread(values);
  return min === max ? String(min) : `${Math.round(median)} [${min}-${max}]`;
}

function markdown(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = heads.map((_head, index) => (index === 0 ? '---' : '---:'));
  return line(heads) + line(rule) + lines.map(line).join('');
}
