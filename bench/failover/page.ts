/** docs/failover.md: the tables of everything that was measured, whenever that was, in the order of faults and stacks. */

import type { PageTables } from '../../tools/docs/page-tables.ts';
import { FAULTS } from './faults.ts';
import { RESULTS, readResults } from './results.ts';
import { STACK_TITLES } from './stacks.ts';
import { detailTable, outageTable, type Row } from './table.ts';

/** As Markdown: what clients noticed, and everything else that was counted. */
export function tablesOf(rows: readonly Row[]): {
  readonly outage: string;
  readonly detail: string;
} {
  const ordered = FAULTS.flatMap(({ name }) =>
    Object.keys(STACK_TITLES).flatMap((stack) =>
      rows.filter((row) => row.fault === name && row.stack === stack),
    ),
  );
  return { outage: outageTable(ordered, STACK_TITLES), detail: detailTable(ordered) };
}

/** Of what was saved. */
export const PAGES: PageTables = {
  'docs/failover.md': tablesOf(readResults(RESULTS)?.rows ?? []),
};
