/** What a balancer reports about itself (`evergate status`): server table and counters of one moment. */

import { skewText } from '../../balance/skew.ts';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { DataPlane } from '../../contracts/data-plane.ts';
import { cutDays, cutSentence, cutSentences } from '../../contracts/protocol-table.ts';
import { certificateDaysLeft } from '../../health/certificate-warnings.ts';
import { checkReason } from '../../health/server-events.ts';
import { BACKEND, FRONTEND, SERVER } from '../../stats/catalogue.ts';
import { statusCounts } from '../../stats/counts.ts';
import type { BackendStatus, BalancerReport, ServerStatus } from '../../stats/status.ts';
import {
  adminOf,
  checkedEntry,
  checkStateOf,
  isUsable,
  leaderName,
  type ServerEntry,
  weightOf,
} from '../servers/server-entry.ts';
import type { ServerTable } from '../servers/server-table.ts';
import { serverAddress } from './collect-rows.ts';
import { fullLimits } from './full-limits.ts';
import type { Rates } from './rates.ts';

export type ReportSources = {
  readonly config: BalancerConfig;
  readonly table: ServerTable;
  readonly plane: Pick<DataPlane, 'counters' | 'health' | 'limits'>;
  readonly rates: Rates;
  readonly uptimeMs: number;
  /** ms since the epoch: certificates end by the calendar. */
  readonly utcMs: number;
};

export function collectReport(sources: ReportSources): BalancerReport {
  const { config, table, plane, uptimeMs } = sources;
  const { threads, trouble } = plane.health();
  const full = fullLimits(sources);
  return {
    uptimeMs: Math.round(uptimeMs),
    relays: threads,
    ...(trouble === null ? {} : { trouble: cutSentence(trouble) }),
    ...(full.length === 0 ? {} : { full: cutSentences(full) }),
    frontends: config.frontends.map((frontend, index) => ({
      name: frontend.name,
      connectionsLimit: frontend.connectionsMax,
      ...statusCounts(FRONTEND, (name) => plane.counters.frontend(index, name)),
    })),
    backends: table.backends.map((backend, index): BackendStatus => {
      const servers = backend.servers.map((entry, server) => {
        return serverStatus(sources, entry, index, server);
      });
      const skew = skewText(
        backend.servers.map((entry, server) => ({
          name: entry.config.name,
          usable: isUsable(entry),
          backup: entry.config.backup,
          weight: weightOf(entry),
          sessions: servers[server]?.sessionsCurrent ?? 0,
        })),
      );
      return {
        name: backend.config.name,
        usableServers: backend.usableActive + backend.usableBackup,
        ...statusCounts(BACKEND, (name) => plane.counters.backend(index, name)),
        ...(skew === null ? {} : { skew: cutSentence(skew) }),
        servers,
      };
    }),
  };
}

function serverStatus(
  { plane, utcMs }: Pick<ReportSources, 'plane' | 'utcMs'>,
  entry: ServerEntry,
  backend: number,
  server: number,
): ServerStatus {
  const { certificate } = entry;
  const daysLeft = certificate === null ? null : cutDays(certificateDaysLeft(certificate, utcMs));
  return {
    name: entry.config.name,
    address: serverAddress(entry),
    ...(entry.config.resolution === undefined ? {} : { host: cutSentence(entry.config.host) }),
    admin: adminOf(entry),
    check: checkStateOf(entry),
    lastCheck: checkedEntry(entry).result.status,
    reason: cutSentence(reasonOf(entry)),
    warnings: cutSentences(entry.warnings),
    ...(daysLeft === null ? {} : { certificateDaysLeft: daysLeft }),
    weight: weightOf(entry),
    ...statusCounts(SERVER, (name) => plane.counters.server(backend, server, name)),
  };
}

function reasonOf(entry: ServerEntry): string {
  const { admin, address, addressLoss, config, result, leader } = entry;
  if (admin === 'maint') return 'In maintenance';
  if (address === null) {
    const why = addressLoss === '' ? '' : ` (${addressLoss})`;
    return `The name "${config.host}" has no address${why}`;
  }
  if (leader !== null) return `As ${leaderName(entry)}: ${reasonOf(leader)}`;
  if (config.check === null) return 'No check is configured';
  if (result.status === 'INI') return 'Not checked yet';
  return checkReason(result);
}
