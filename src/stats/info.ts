/**
 * `show info`: HAProxy 2.6's 69 lines in its order and spelling (management guide 9.3), so that exporters
 * find what they look for. What Evergate does not have is 0.
 */

import { assert } from '../core/assert.ts';
import { type CounterRow, type Counts, PLANE, type PlaneCounter } from './catalogue.ts';
import { uptimeText } from './durations.ts';

export type ProcessInfo = {
  readonly version: string;
  /** "2026/11/23" */
  readonly releaseDate: string;
  readonly node: string;
  readonly pid: number;
  readonly relays: number;
  readonly uptimeS: number;
  readonly startTimeS: number;
  readonly filesMax: number;
  readonly connectionsMax: number;
  /** Of the data plane, and what the pages and the main thread add to it. */
  readonly counts: Counts<PlaneCounter>;
  readonly requestsTotal: number;
  /** Connections of the last second, and of the busiest one. */
  readonly rate: number;
  readonly rateMax: number;
  readonly listeners: number;
  readonly stopping: boolean;
  readonly bytesOut: number;
  readonly bytesOutRate: number;
  readonly memoryBytes: number;
};

export function infoEntries(info: ProcessInfo): readonly (readonly [string, string | number])[] {
  const counted = (line: string): [string, number] => [line, countOf(info, line)];
  const mebibytes = Math.floor(info.memoryBytes / 2 ** 20);
  return [
    ['Name', 'HAProxy'],
    ['Version', info.version],
    ['Release_date', info.releaseDate],
    ['Nbthread', info.relays],
    ['Nbproc', 1],
    ['Process_num', 1],
    ['Pid', info.pid],
    ['Uptime', uptimeText(info.uptimeS)],
    ['Uptime_sec', Math.floor(info.uptimeS)],
    ['Memmax_MB', 0],
    ['PoolAlloc_MB', mebibytes],
    ['PoolUsed_MB', mebibytes],
    ['PoolFailed', 0],
    ['Ulimit-n', info.filesMax],
    ['Maxsock', info.filesMax],
    ['Maxconn', info.connectionsMax],
    ['Hard_maxconn', info.connectionsMax],
    counted('CurrConns'),
    counted('CumConns'),
    ['CumReq', info.requestsTotal],
    ...zeroes('MaxSslConns CurrSslConns CumSslConns Maxpipes PipesUsed PipesFree'),
    ['ConnRate', info.rate],
    ['ConnRateLimit', 0],
    ['MaxConnRate', info.rateMax],
    ['SessRate', info.rate],
    ['SessRateLimit', 0],
    ['MaxSessRate', info.rateMax],
    ...zeroes('SslRate SslRateLimit MaxSslRate SslFrontendKeyRate SslFrontendMaxKeyRate'),
    ...zeroes('SslFrontendSessionReuse_pct SslBackendKeyRate SslBackendMaxKeyRate'),
    ...zeroes('SslCacheLookups SslCacheMisses CompressBpsIn CompressBpsOut CompressBpsRateLim'),
    ['Tasks', info.relays + 1],
    ['Run_queue', 0],
    ['Idle_pct', 100],
    ['node', info.node],
    ['Stopping', info.stopping ? 1 : 0],
    ['Jobs', info.counts.connectionsCurrent + info.listeners],
    ['Unstoppable Jobs', 0],
    ['Listeners', info.listeners],
    ['ActivePeers', 0],
    ['ConnectedPeers', 0],
    counted('DroppedLogs'),
    ['BusyPolling', 0],
    ['FailedResolutions', 0],
    ['TotalBytesOut', info.bytesOut],
    counted('TotalSplicdedBytesOut'),
    ['BytesOutRate', info.bytesOutRate],
    ['DebugCommandsIssued', 0],
    ['CumRecvLogs', 0],
    ['Build info', info.version],
    ['Memmax_bytes', 0],
    ['PoolAlloc_bytes', info.memoryBytes],
    ['PoolUsed_bytes', info.memoryBytes],
    ['Start_time_sec', Math.floor(info.startTimeS)],
    ['Tainted', 0],
  ];
}

/** What the catalogue puts on a line. */
function countOf({ counts }: ProcessInfo, line: string): number {
  const [counter] = Object.entries<CounterRow>(PLANE).find(([, { info }]) => info === line) ?? [];
  assert(counter !== undefined, `a counter is shown as ${line}`);
  return counts[counter as PlaneCounter];
}

/** One "Key: value" line each. */
export function infoText(info: ProcessInfo): string {
  return infoEntries(info)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

function zeroes(keys: string): readonly (readonly [string, number])[] {
  return keys.split(' ').map((key) => [key, 0]);
}
