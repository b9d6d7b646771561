/** `clear counters` and `clear counters all` (HAProxy's management guide 9.3): each relay clears what it has written. */

import { BACKEND, type CounterTable, FRONTEND, SERVER } from '../../../stats/catalogue.ts';
import type { CounterLayout } from './counter-layout.ts';
import type { Counters } from './counters.ts';

/** Peaks alone, or `all` that is shown but for what there is at the moment. The process's own counters stay. */
export function clearCounters(counters: Counters, layout: CounterLayout, all: boolean): void {
  const clear = (table: CounterTable, offset: number): void => {
    for (const [index, row] of Object.values(table).entries()) {
      const kept = row.now === true || row.internal !== undefined;
      if (!kept && (all || row.peak === true)) counters.set(offset + index, 0);
    }
  };
  for (const offset of layout.frontends) clear(FRONTEND, offset);
  for (const offset of layout.backends) clear(BACKEND, offset);
  for (const offset of layout.servers.flat()) clear(SERVER, offset);
}
