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
