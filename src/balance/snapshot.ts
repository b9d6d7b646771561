/**
 * What the slow side (health checks, operators) publishes to the fast side (relay threads): which servers
 * may be chosen now, and with what weight. Immutable and small; a relay swaps it in whole and builds its
 * own pickers from it.
 */

export type TrafficSnapshot = {
  /** Grows by one with each publication. */
  readonly generation: number;
  /** By the backend's index in the configuration. */
  readonly backends: readonly BackendSnapshot[];
};

export type BackendSnapshot = {
  /** By the server's index in the configuration. */
  readonly servers: readonly ServerSnapshot[];
};

export type ServerAddress = {
  readonly host: string;
  readonly port: number;
  /** Of the host that a service's record names for it (SRV, RFC 2782); absent: no service says where it is. */
  readonly name?: string;
};

export type ServerSnapshot = {
  /** May take new connections: up, neither draining nor in maintenance. */
  readonly usable: boolean;
  /** 0..256; 0 takes no new connections (HAProxy: weight 0). */
  readonly weight: number;
  /** Percent of its weight that a server which just came back gets, 1..99; absent: all of it. */
  readonly throttle?: number;
  /**
   * Where a server is that its configuration only has a name for; null: nowhere, and it is not usable. Absent: where
   * its configuration says.
   */
  readonly address?: ServerAddress | null;
};
