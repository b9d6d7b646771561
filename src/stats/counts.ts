/** Values of counters, put together and read as the catalogue says. */

import { assert } from '../core/assert.ts';
import type { CounterRow, CounterTable, Counts, StatusCounter } from './catalogue.ts';

/** In the order of the table, which is that of the memory, too. */
export function namesOf<Table extends CounterTable>(
  table: Table,
): readonly (keyof Table & string)[] {
  return Object.keys(table);
}

/** A value for each counter of the table. */
export function countsOf<Table extends CounterTable>(
  table: Table,
  value: (name: keyof Table & string) => number,
): Counts<keyof Table & string> {
  const entries = namesOf(table).map((name) => [name, value(name)] as const);
  return Object.fromEntries(entries) as Counts<keyof Table & string>;
}

export function noCounts<Table extends CounterTable>(table: Table): Counts<keyof Table & string> {
  return countsOf(table, () => 0);
}

/** The sum or the largest; 0 of none. */
export function fold({ fold: how }: CounterRow, values: readonly number[]): number {
  return how === 'max' ? Math.max(0, ...values) : values.reduce((sum, one) => sum + one, 0);
}

/** Several blocks of one table as one. */
export function foldCounts<Table extends CounterTable>(
  table: Table,
  blocks: readonly Counts<keyof Table & string>[],
): Counts<keyof Table & string> {
  return countsOf(table, (name) => {
    const row = table[name];
    assert(row !== undefined, `counter ${name} exists`);
    const values = blocks.map((block) => block[name]);
    return fold(row, values);
  });
}

/** What is shown of a counter, in its unit. `now`: ms on the clock of counters that are moments. */
export function shownValue<Table extends CounterTable>(
  table: Table,
  name: keyof Table & string,
  counts: Counts<keyof Table & string>,
  now: number,
): number {
  const value = counts[name];
  const { per, since } = table[name] ?? {};
  if (since === true) return value === 0 ? -1 : Math.max(0, Math.floor((now - value) / 1000));
  if (per === undefined) return value;
  const count = counts[per] ?? 0;
  return count === 0 ? 0 : value / count;
}

/** A value for each that `evergate status` tells. */
export function statusCounts<Table extends CounterTable>(
  table: Table,
  value: (name: StatusCounter<Table>) => number,
): Counts<StatusCounter<Table>> {
  const told = namesOf(table).filter(
    (name): name is StatusCounter<Table> => table[name]?.status === true,
  );
  const entries = told.map((name) => [name, value(name)] as const);
  return Object.fromEntries(entries) as Counts<StatusCounter<Table>>;
}
