/** For tests: what the admin surfaces see, over a server table without checks running and without relays. */

import type { BalancerConfig } from '../../config/model/config.ts';
import { testConfig } from '../fixture.ts';
import { CounterMap } from '../fixture-plane.ts';
import { ServerTable } from '../servers/server-table.ts';
import { collectInfo } from '../statistics/collect-info.ts';
import { collectRows } from '../statistics/collect-rows.ts';
import { Rates } from '../statistics/rates.ts';
import type { AdminContext } from './context.ts';
import { newHttpProxyCounts } from './http-counts.ts';

export type TestContextOfAdmin = {
  readonly context: AdminContext;
  readonly table: ServerTable;
  readonly shutdowns: string[];
  readonly log: string[];
};

export function testContext(config: BalancerConfig = testConfig()): TestContextOfAdmin {
  const shutdowns: string[] = [];
  const log: string[] = [];
  const plane = {
    counters: new CounterMap(),
    health: () => ({ threads: 1, trouble: null }),
    limits: () => ({ connections: 400 }),
  };
  const http = config.httpFrontends.map(newHttpProxyCounts);
  const rates = new Rates();
  const table = new ServerTable({
    backends: config.backends,
    records: [],
    now: () => 5000,
    connects: () => 0,
    onDown: () => {},
    onUp: () => {},
    sessions: () => 0,
    log: (_, { text }) => log.push(text),
    onChange: () => {},
  });
  const context: AdminContext = {
    config,
    table,
    now: () => 5000,
    rows: () => collectRows({ config, table, plane, rates, http, now: 5000, startedAt: 1000 }),
    info: () =>
      collectInfo({
        config,
        plane,
        http,
        rates,
        bytesOutBefore: 0,
        uptimeMs: 4000,
        listeners: 2,
        filesMax: 1024,
        stopping: false,
        ownLogsDropped: 0,
      }),
    facts: () => null,
    setAdmin: (backend, server, admin, cause) => table.setAdmin(backend, server, admin, cause),
    clearCounters: async () => false,
    reload: () => Promise.resolve('Nothing has changed\n'),
    shutdownSessions: (backend, server) => shutdowns.push(`${backend}/${server}`) > 0,
  };
  return { context, table, shutdowns, log };
}
