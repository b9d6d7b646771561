/** What a run comes to, as a Markdown table with the bars beside the figures. */

import { barOf, reaches } from './bars.ts';
import type { Row } from './results.ts';

const HEADS = ['measure', 'setting', 'against', 'ours', 'theirs', 'ratio', 'spread', 'must', 'aim'];

/** `judged`: whether figures are held against the bars. */
export function table(rows: readonly Row[], judged: boolean): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = HEADS.map((_, index) => (index < 3 ? '---' : '---:'));
  return line(HEADS) + line(rule) + rows.map((row) => line(cells(row, judged))).join('');
}

function cells(row: Row, judged: boolean): string[] {
  const { measure, unit, setting, peer, ours, theirs, ratio, ratios = [] } = row;
  const bar = judged ? barOf(measure, peer) : null;
  const value = bar?.figure === true ? ours : (ratio ?? ours);
  const verdict = (limit: number | undefined): string => {
    if (bar === null || limit === undefined) return '';
    return `${limit}${reaches(value, bar, limit) ? '' : ' missed'}`;
  };
  return [
    `${measure}, ${unit}`,
    setting,
    peer,
    figure(ours),
    theirs === undefined ? '' : figure(theirs),
    ratio === undefined ? '' : ratio.toFixed(2),
    ratios.length < 2 ? '' : spread(ratios),
    verdict(bar?.must),
    verdict(bar?.aim),
  ];
}

function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** The middle half of the ratios. */
function spread(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2);
  return `${at(0.25)}-${at(0.75)}`;
}
