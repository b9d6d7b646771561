/**
 * The figures of one balancer, for whoever asks: rows, `show info`, the report to the guardian; and what can
 * only be told by looking again and again: rates, and limits that come near.
 */

import type { DataPlane } from '../../contracts/data-plane.ts';
import type { ProcessInfo } from '../../stats/info.ts';
import type { StatRow } from '../../stats/rows.ts';
import type { BalancerReport } from '../../stats/status.ts';
import type { HttpProxyCounts } from '../admin/http-counts.ts';
import type { ServerTable } from '../servers/server-table.ts';
import type { Traffic } from '../traffic.ts';
import { collectInfo, type InfoSources, relayedBytesOut } from './collect-info.ts';
import { collectRows } from './collect-rows.ts';
import { collectTotals } from './collect-totals.ts';
import { type Limited, LimitWatch } from './limit-watch.ts';
import { Rates } from './rates.ts';
import { collectReport } from './report.ts';

export type StatisticsOptions = {
  readonly traffic: Readonly<Traffic>;
  readonly table: ServerTable;
  /** RLIMIT_NOFILE. */
  readonly filesMax: number;
};

/** What of the process is told beside its traffic. */
export type ProcessState = Pick<InfoSources, 'http' | 'listeners' | 'stopping' | 'ownLogsDropped'>;

export class Statistics {
  readonly #options: StatisticsOptions;
  readonly #rates = new Rates();
  readonly #limits = new LimitWatch();
  readonly #startedAt = performance.now();
  /** Bytes to clients that frontends have forgotten, and the process has not. */
  #bytesOutBefore = 0;

  constructor(options: StatisticsOptions) {
    this.#options = options;
  }

  /** To be called about once a second; returns warnings of limits that have come near. */
  tick(http: readonly HttpProxyCounts[]): readonly string[] {
    const { config, plane } = this.#options.traffic;
    if (plane === null) return [];
    this.#rates.update(collectTotals({ config, plane, http }), performance.now());
    return this.#limits.warnings(this.#limited(plane));
  }

  /** Connections of all frontends. */
  connections(): number {
    const { config, plane } = this.#options.traffic;
    if (plane === null) return 0;
    let connections = 0;
    for (const index of config.frontends.keys()) {
      connections += plane.counters.frontend(index, 'connectionsCurrent');
    }
    return connections;
  }

  /** Before peaks, or `all` counters, are cleared; to be called after it: what it returns. */
  beginClearing(all: boolean): () => void {
    const { config, plane } = this.#options.traffic;
    const bytesOut = plane === null ? 0 : relayedBytesOut(config, plane);
    return () => {
      this.#rates.forgetPeaks();
      if (all) this.#bytesOutBefore += bytesOut;
    };
  }

  /** null: nothing has started yet. */
  report(): BalancerReport | null {
    const { traffic, table } = this.#options;
    const { config, plane } = traffic;
    if (plane === null) return null;
    const rates = this.#rates;
    const uptimeMs = this.#uptimeMs();
    return collectReport({ config, table, plane, rates, uptimeMs, utcMs: Date.now() });
  }

  rows(http: readonly HttpProxyCounts[]): readonly StatRow[] {
    const { traffic, table } = this.#options;
    const { config, plane } = traffic;
    if (plane === null) return [];
    return collectRows({
      config,
      table,
      plane,
      rates: this.#rates,
      http,
      now: performance.now(),
      startedAt: this.#startedAt,
    });
  }

  info(state: ProcessState): ProcessInfo {
    const { traffic, filesMax } = this.#options;
    const { config, plane } = traffic;
    return collectInfo({
      ...state,
      config,
      plane,
      rates: this.#rates,
      bytesOutBefore: this.#bytesOutBefore,
      uptimeMs: this.#uptimeMs(),
      filesMax,
    });
  }

  /** The limits whose nearness is told. */
  #limited(plane: DataPlane): readonly Limited[] {
    const frontends = this.#options.traffic.config.frontends.map((frontend, index) => ({
      name: `Frontend "${frontend.name}"`,
      current: plane.counters.frontend(index, 'connectionsCurrent'),
      limit: frontend.connectionsMax,
    }));
    const all = {
      name: 'The balancer',
      current: this.connections(),
      limit: plane.limits().connections,
    };
    return [all, ...frontends];
  }

  #uptimeMs(): number {
    return performance.now() - this.#startedAt;
  }
}
