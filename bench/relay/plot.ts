/** bench/results/relay.svg: ratios to HAProxy 3 against their bars, and cost against open connections. */

import { barOf } from './bars.ts';
import { SETTINGS } from './parts.ts';
import type { Results, Row } from './results.ts';

const WIDTH = 860;
const ROW = 34;
const LEFT = 190;
const PEER = 'haproxy3';
const MEASURES = [
  'request',
  'connection',
  'stream',
  'added p99',
  'user memory',
  'kernel memory',
  'requests per second',
  'connections per second',
];
const COLOURS = { ours: '#1f6feb', theirs: '#8c959f', must: '#cf222e', aim: '#2da44e' };

export function plot(results: Results): string {
  const rows = MEASURES.flatMap((measure) =>
    results.rows.filter(
      ({ measure: name, peer, part }) => name === measure && peer === PEER && part !== 'growth',
    ),
  );
  const top = 76 + rows.length * ROW;
  const height = top + 290;
  const version = results.versions[PEER] ?? '?';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2328">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${label(24, 30, `Evergate against HAProxy ${version}: medians of paired rounds, HAProxy = 1`, 'start', 16)}
${ratios(rows, 58)}
${growth(results.rows, 'request', 24, top + 40)}
${growth(results.rows, 'connection', WIDTH / 2 + 10, top + 40)}
</svg>
`;
}

// --- ratios -------------------------------------------------------------------------------------

function ratios(rows: readonly Row[], top: number): string {
  const scale = (WIDTH - LEFT - 90) / 1.4;
  const x = (ratio: number): number => LEFT + Math.min(ratio, 1.4) * scale;
  const bottom = top + rows.length * ROW;
  const one = `<line x1="${x(1)}" x2="${x(1)}" y1="${top - 8}" y2="${bottom}" stroke="${COLOURS.theirs}"/>`;
  const bars = rows.map((row, index) => {
    const y = top + index * ROW;
    const ratio = row.ratio ?? 0;
    const bar = barOf(row.measure, PEER);
    const mark = (limit: number, colour: string): string =>
      `<line x1="${x(limit)}" x2="${x(limit)}" y1="${y - 4}" y2="${y + 22}" stroke="${colour}" stroke-width="2"/>`;
    return [
      label(LEFT - 10, y + 14, row.measure, 'end'),
      `<rect x="${LEFT}" y="${y}" width="${Math.max(0, x(ratio) - LEFT)}" height="18" rx="2" fill="${COLOURS.ours}"/>`,
      bar === null ? '' : mark(bar.must, COLOURS.must) + mark(bar.aim, COLOURS.aim),
      label(WIDTH - 24, y + 14, ratio.toFixed(2), 'end'),
    ].join('');
  });
  const key = `${label(LEFT, bottom + 14, 'must', 'start', 12, COLOURS.must)}${label(LEFT + 40, bottom + 14, 'aim', 'start', 12, COLOURS.aim)}${label(LEFT + 72, bottom + 14, 'more is better per second, less everywhere else', 'start', 12)}`;
  return [one, ...bars, key].join('\n');
}

// --- growth -------------------------------------------------------------------------------------

function growth(rows: readonly Row[], measure: string, left: number, top: number): string {
  const [width, height] = [WIDTH / 2 - 60, 190];
  const settings = SETTINGS.filter(({ servers }) => servers === 3);
  const found = settings.flatMap(({ title, crowd }) => {
    const row = rows.find(
      (one) => one.measure === measure && one.setting === title && one.peer === PEER,
    );
    return row === undefined ? [] : [{ crowd, ours: row.ours, theirs: row.theirs ?? 0 }];
  });
  const most = Math.max(1, ...found.flatMap(({ ours, theirs }) => [ours, theirs])) * 1.15;
  const x = (index: number): number => left + 36 + (index * (width - 60)) / 2;
  const y = (cost: number): number => top + 20 + height - (cost / most) * height;
  const line = (which: 'ours' | 'theirs'): string => {
    const points = found.map((one, index) => `${x(index)},${y(one[which])}`).join(' ');
    const dots = found.map(
      (one, index) =>
        `<circle cx="${x(index)}" cy="${y(one[which])}" r="4" fill="${COLOURS[which]}"/>${label(x(index), y(one[which]) + (which === 'ours' ? 20 : -10), one[which].toPrecision(3), 'middle', 12, COLOURS[which])}`,
    );
    return `<polyline points="${points}" fill="none" stroke="${COLOURS[which]}" stroke-width="2"/>${dots.join('')}`;
  };
  const ticks = found.map(({ crowd }, index) =>
    label(x(index), top + height + 38, crowd.toLocaleString('en'), 'middle', 12),
  );
  return [
    label(left, top, `us of CPU per ${measure}, by open connections`, 'start', 14),
    `<line x1="${left}" x2="${left + width}" y1="${y(0)}" y2="${y(0)}" stroke="${COLOURS.theirs}"/>`,
    found.length === 0 ? '' : line('theirs') + line('ours'),
    ...ticks,
    label(left + width, top + height, 'Evergate', 'end', 12, COLOURS.ours),
    label(left + width - 60, top + height, 'HAProxy', 'end', 12, COLOURS.theirs),
  ].join('\n');
}

function label(
  x: number,
  y: number,
  text: string,
  anchor: 'start' | 'middle' | 'end',
  size = 13,
  colour = '#1f2328',
): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="${colour}">${text}</text>`;
}
