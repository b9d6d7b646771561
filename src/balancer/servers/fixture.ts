/** For tests: a server table with what it said and did. */

import type { BackendConfig } from '../../config/model/traffic.ts';
import type { CheckResult, ServerStateRecord } from '../../health/server-state.ts';
import { testBackend } from '../fixture.ts';
import { ServerTable } from './server-table.ts';

export const REFUSED: CheckResult = {
  status: 'L4CON',
  passed: false,
  info: 'Connection refused',
  durationMs: 0,
};

/** One backend, or several; the clock stands at 1000 ms, and nobody connects, until the test says otherwise. */
export function buildTable(
  backend: BackendConfig | readonly BackendConfig[] = testBackend(),
  records: readonly ServerStateRecord[] = [],
) {
  const lines: string[] = [];
  const ups: number[] = [];
  const downs: string[] = [];
  const traffic = { connects: 0 };
  const clock = { now: 1000 };
  let changes = 0;
  const table = new ServerTable({
    backends: [backend].flat(),
    records,
    now: () => clock.now,
    sessions: () => 0,
    connects: () => traffic.connects,
    onDown: (backendIndex, server) => downs.push(`${backendIndex}/${server}`),
    onUp: (_, server) => ups.push(server),
    log: (_, { level, text }) => lines.push(`${level} ${text}`),
    onChange: () => changes++,
  });
  return { table, lines, ups, downs, traffic, clock, changes: () => changes };
}

/** By server of the first backend. */
export function usable(table: ServerTable): readonly boolean[] | undefined {
  return table.snapshot().backends[0]?.servers.map((server) => server.usable);
}
