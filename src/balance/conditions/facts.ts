/** What a condition may ask about a connection. A data plane knows it; conditions only compare. */

import type { SourceCounter, TrackPlace } from '../../config/model/conditions.ts';

/** It may still come: the client has not said it yet. */
export const PENDING = Symbol('pending');
/** There is no such thing. */
export const ABSENT = Symbol('absent');

export type Pending = typeof PENDING;
export type Absent = typeof ABSENT;

export interface ConnectionFacts {
  /** 16 bytes, IPv4 in its mapped form, valid until the next call of either. */
  source(): Uint8Array | Absent;
  destination(): Uint8Array | Absent;
  sourcePort(): number | Absent;
  destinationPort(): number | Absent;
  /** By the backend's and the table's index in the configuration. */
  usableServers(backend: number): number;
  ofSource(table: number, counter: SourceCounter): number | Absent;
  tracked(place: TrackPlace, counter: SourceCounter): number | Absent;
  /** Of the client's first words. */
  helloType(): number | Absent | Pending;
  /** Bytes as characters. */
  serverName(): string | Absent | Pending;
  /** Bytes so far. */
  received(): number;
  /** Whether the client may still say something that counts. */
  moreComes(): boolean;
}
