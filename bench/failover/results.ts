/**
 * bench/results/failover.json: what was measured, with the machine and the versions. A run of the bench
 * replaces the rows it measured and keeps the others of the same machine, so that an hour of measurements
 * can be made in parts; each row says when it was made, and how busy the machine was.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Row } from './table.ts';

export const RESULTS = join(import.meta.dirname, '../results/failover.json');

/** What makes rows comparable: all of them in one file have the same. */
export type Setting = {
  readonly kernel: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly requestIntervalMs: number;
  readonly patienceMs: number;
  readonly watches: number;
};

export type SavedRow = Row & {
  readonly version: string;
  /** Of the row's last run. */
  readonly date: string;
  /** Of the last minute, five and fifteen, while it was measured. */
  readonly load: readonly number[];
};

export type Results = { readonly setting: Setting; readonly rows: readonly SavedRow[] };

export function thisSetting(load: Pick<Setting, 'requestIntervalMs' | 'patienceMs' | 'watches'>) {
  return {
    kernel: release(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    ...load,
  } satisfies Setting;
}

/** The row with the moment's date and load. */
export function dated(row: Row, version: string): SavedRow {
  const load = loadavg().map((value) => Number(value.toFixed(2)));
  return { ...row, version, date: new Date().toISOString(), load };
}

/** What was saved; null where there is no file. */
export function readResults(file: string): Results | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  const results = JSON.parse(text) as Partial<Results>;
  const { setting, rows } = results;
  return setting === undefined || rows === undefined ? null : { setting, rows };
}

/** `measured` in place of their earlier selves, the others as they are in the file now. */
export function saveRows(file: string, setting: Setting, measured: readonly SavedRow[]): void {
  const earlier = readResults(file);
  // Rows of another machine, or another load, would be compared with what they are not comparable to.
  const isSame = JSON.stringify(earlier?.setting) === JSON.stringify(setting);
  const isNew = (row: SavedRow) =>
    measured.some(({ stack, fault }) => stack === row.stack && fault === row.fault);
  const rows = [...(isSame ? (earlier?.rows ?? []) : []).filter((row) => !isNew(row)), ...measured];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ setting, rows }, null, 2)}\n`);
}
