/** What the stats page and the runtime socket may see and do: the narrow side of the balancer they get. */

import type { BalancerConfig } from '../../config/model/config.ts';
import type { AdminState } from '../../health/server-state.ts';
import type { ProcessInfo } from '../../stats/info.ts';
import type { NodeFacts } from '../../stats/node-facts.ts';
import type { StatRow } from '../../stats/rows.ts';
import type { ServerTable } from '../servers/server-table.ts';

export type AdminContext = {
  readonly config: BalancerConfig;
  readonly table: ServerTable;
  /** Monotonic, ms: the table's clock. */
  now(): number;
  rows(): readonly StatRow[];
  info(): ProcessInfo;
  /** null: the guardian has not told them lately. */
  facts(): NodeFacts | null;
  /** By index. `cause` goes into the log line, with a leading space. */
  setAdmin(backend: number, server: number, admin: AdminState, cause: string): void;
  /** false: the data plane cannot. */
  shutdownSessions(backend: number, server: number): boolean;
  /** Peaks, or `all` that was counted; resolves with false where the data plane cannot. */
  clearCounters(all: boolean): Promise<boolean>;
  /** Has the configuration read again; resolves with what came of it, in lines. */
  reload(): Promise<string>;
};
