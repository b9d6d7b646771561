/** Counters of one HTTP proxy of ours (stats page, monitor-uri). One writer: its server. */

import type { Socket } from 'node:net';

export type HttpProxyCounts = {
  connectionsCurrent: number;
  connectionsMax: number;
  connectionsTotal: number;
  /** Ended to let others in. */
  connectionsDropped: number;
  bytesIn: number;
  bytesOut: number;
  requests: number;
  /** 1xx, 2xx, 3xx, 4xx, 5xx, others. */
  readonly responses: [number, number, number, number, number, number];
  /** What it had counted when counters were cleared: rows show what came since. */
  cleared: HttpTotals;
};

type HttpTotals = {
  readonly connectionsTotal: number;
  readonly connectionsDropped: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requests: number;
  readonly responses: HttpProxyCounts['responses'];
};

const NOTHING: HttpTotals = {
  connectionsTotal: 0,
  connectionsDropped: 0,
  bytesIn: 0,
  bytesOut: 0,
  requests: 0,
  responses: [0, 0, 0, 0, 0, 0],
};

export function newHttpProxyCounts(): HttpProxyCounts {
  return {
    connectionsCurrent: 0,
    connectionsMax: 0,
    connectionsTotal: 0,
    connectionsDropped: 0,
    bytesIn: 0,
    bytesOut: 0,
    requests: 0,
    responses: [0, 0, 0, 0, 0, 0],
    cleared: NOTHING,
  };
}

/** Forgets the peak, or `all` that rows show. The process's own sums go on. */
export function clearHttpCounts(counts: HttpProxyCounts, all: boolean): void {
  counts.connectionsMax = 0;
  if (!all) return;
  const { cleared, connectionsCurrent, connectionsMax, ...totals } = counts;
  counts.cleared = { ...totals, responses: [...counts.responses] };
}

export function countedSinceCleared({ cleared, ...counts }: HttpProxyCounts): HttpTotals {
  const since = (index: 0 | 1 | 2 | 3 | 4 | 5): number =>
    counts.responses[index] - cleared.responses[index];
  return {
    connectionsTotal: counts.connectionsTotal - cleared.connectionsTotal,
    connectionsDropped: counts.connectionsDropped - cleared.connectionsDropped,
    bytesIn: counts.bytesIn - cleared.bytesIn,
    bytesOut: counts.bytesOut - cleared.bytesOut,
    requests: counts.requests - cleared.requests,
    responses: [since(0), since(1), since(2), since(3), since(4), since(5)],
  };
}

export function countResponse(counts: HttpProxyCounts, status: number): void {
  const class_ = Math.floor(status / 100) - 1;
  const index = (class_ >= 0 && class_ < 5 ? class_ : 5) as 0 | 1 | 2 | 3 | 4 | 5;
  counts.responses[index]++;
}

/** What comes and goes over it, as long as it lasts. */
export function countBytes(counts: HttpProxyCounts, socket: Socket): void {
  let read = 0;
  let written = 0;
  const tally = (): void => {
    counts.bytesIn += socket.bytesRead - read;
    counts.bytesOut += socket.bytesWritten - written;
    read = socket.bytesRead;
    written = socket.bytesWritten;
  };
  socket.on('data', tally);
  socket.once('close', tally);
}
