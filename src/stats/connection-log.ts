/**
 * Log lines about connections, word for word as HAProxy writes them (configuration manual, 8.2.1 and
 * 8.2.2), without what syslog puts before them. Pure: times come in as data.
 */

import { clockText, type LocalTime, monthName, twoDigits } from '../core/local-time.ts';

/** Syslog level of connection lines (RFC 5424): informational. */
export const CONNECTION_LOG_LEVEL = 6;

/**
 * How a session ended, HAProxy's two characters: who ended it (C client, S server, c and s their
 * timeouts, K an operator, P the proxy itself) and when (Q in the queue, R before the first byte counted, C
 * while connecting, D during the transfer).
 */
export type TerminationCode =
  | '--'
  | 'PR'
  | 'cR'
  | 'CR'
  | 'CQ'
  | 'sQ'
  | 'CC'
  | 'CD'
  | 'SC'
  | 'SD'
  | 'sC'
  | 'cD'
  | 'sD'
  | 'KD';

/** The time of HAProxy's %t: `23/Nov/2026:02:58:44.250`. */
export function acceptDate(time: LocalTime, milliseconds: number): string {
  const date = `${twoDigits(time.day)}/${monthName(time)}/${time.year}`;
  return `${date}:${clockText(time)}.${String(milliseconds).padStart(3, '0')}`;
}

/** The default line, written when a connection was accepted. Addresses as `host:port`. */
export function connectLine(source: string, destination: string, frontend: string): string {
  return `Connect from ${source} to ${destination} (${frontend}/TCP)`;
}

export type SessionEnd = {
  /** `host:port` */
  readonly client: string;
  /** As acceptDate() gives it. */
  readonly acceptDate: string;
  readonly frontend: string;
  readonly backend: string;
  /** null: no server could be chosen. */
  readonly server: string | null;
  /** ms; -1: never came to it. */
  readonly waitMs: number;
  readonly connectMs: number;
  readonly totalMs: number;
  /** From server to client. */
  readonly bytes: number;
  readonly termination: TerminationCode;
  /** This session counted in process and frontend, no longer in backend and server. */
  readonly connections: number;
  readonly frontendConnections: number;
  readonly backendConnections: number;
  readonly serverConnections: number;
  /** Further attempts, each on another server. */
  readonly retries: number;
};

/** `option tcplog`: `%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`. */
export function tcplogLine(end: SessionEnd): string {
  const times = `${end.waitMs}/${end.connectMs}/${end.totalMs}`;
  const retries = end.retries === 0 ? '0' : `+${end.retries}`;
  const counts = [
    end.connections,
    end.frontendConnections,
    end.backendConnections,
    end.serverConnections,
    retries,
  ].join('/');
  const route = `${end.frontend} ${end.backend}/${end.server ?? '<NOSRV>'}`;
  const outcome = `${end.bytes} ${end.termination} ${counts} 0/0`;
  return `${end.client} [${end.acceptDate}] ${route} ${times} ${outcome}`;
}
