/**
 * Layout of the traffic counters: the one source of which counters exist and where they lie.
 *
 * Each relay thread owns one Float64Array over shared memory, laid out by this module, and is its only
 * writer; readers add the relays up and never stop one. Gauges ("...Current") are added up, too; a
 * "...Max" is what its relay saw of the sum at its own changes, so readers take the largest.
 */

import type { BalancerConfig } from '../config/model/config.ts';
import { assert } from '../core/assert.ts';

export const FRONTEND_COUNTERS = [
  'connectionsTotal',
  'connectionsCurrent',
  'connectionsMax',
  /** From clients. */
  'bytesIn',
  /** To clients. */
  'bytesOut',
  'clientResets',
  /** Turned away by source rules or rates. */
  'connectionsDenied',
  /** Connections without a valid PROXY protocol header. */
  'badGreetings',
] as const;

export const BACKEND_COUNTERS = [
  'sessionsTotal',
  'sessionsCurrent',
  'sessionsMax',
  'bytesIn',
  'bytesOut',
  /** Clients given up because no server took the connection. */
  'connectErrors',
  'clientAborts',
  'serverAborts',
  /** Sessions that wait for any server with room. */
  'queueCurrent',
  'queueMax',
] as const;

export const SERVER_COUNTERS = [
  /** Sessions this server was chosen for, retries included. */
  'sessionsTotal',
  'sessionsCurrent',
  'sessionsMax',
  'bytesIn',
  'bytesOut',
  /** Refused, unreachable or timed-out connects. */
  'connectErrors',
  'retries',
  /** Sessions that moved on to another server after a failed connect. */
  'redispatches',
  'clientAborts',
  'serverAborts',
  /** Monotonic time of the last chosen session, ms since the relay's origin; 0: never. */
  'lastSessionMs',
  /** Connects the server answered. */
  'connects',
  'connectTimeTotalMs',
  'connectTimeMaxMs',
  'sessionTimeTotalMs',
  'sessionTimeMaxMs',
  /** Sessions that wait for this very server. */
  'queueCurrent',
  'queueMax',
  /** Sessions raced by another server because this one was slow. */
  'hedges',
  /** Races won as the second server. */
  'hedgesWon',
  /** Sessions ended so that their clients come back to a server that returned. */
  'rebalanced',
] as const;

export const RELAY_COUNTERS = [
  /** Turns of the event loop. */
  'loops',
  'connectionsTotal',
  'connectionsCurrent',
  'connectionsMax',
  /** Times accepting paused because descriptors ran out. */
  'acceptPauses',
  'splicedBytes',
  'logsDropped',
] as const;

export type FrontendCounter = (typeof FRONTEND_COUNTERS)[number];
export type BackendCounter = (typeof BACKEND_COUNTERS)[number];
export type ServerCounter = (typeof SERVER_COUNTERS)[number];
export type RelayCounter = (typeof RELAY_COUNTERS)[number];

/** Offsets, in Float64 elements, of each block. A counter lies at block offset + index of its name. */
export type CounterLayout = {
  readonly relay: number;
  /** By the frontend's index in the configuration. */
  readonly frontends: readonly number[];
  readonly backends: readonly number[];
  /** By backend index, then server index. */
  readonly servers: readonly (readonly number[])[];
  /** Elements of the whole array. */
  readonly length: number;
};

export function counterLayout(
  config: Pick<BalancerConfig, 'frontends' | 'backends'>,
): CounterLayout {
  let next = 0;
  const take = (size: number): number => {
    const offset = next;
    next += size;
    return offset;
  };
  const relay = take(RELAY_COUNTERS.length);
  const frontends = config.frontends.map(() => take(FRONTEND_COUNTERS.length));
  const backends = config.backends.map(() => take(BACKEND_COUNTERS.length));
  const servers = config.backends.map((backend) =>
    backend.servers.map(() => take(SERVER_COUNTERS.length)),
  );
  return { relay, frontends, backends, servers, length: next };
}

/** Reads one counter over all relays: added up, or the largest where the name ends in "Max" or "MaxMs". */
export function readCounter(
  relays: readonly Float64Array[],
  block: number,
  names: readonly string[],
  name: string,
): number {
  const index = names.indexOf(name);
  assert(index >= 0, `counter ${name} exists`);
  const largest = /Max(Ms)?$|^lastSession/.test(name);
  let value = 0;
  for (const counters of relays) {
    const one = counters[block + index] ?? 0;
    value = largest ? Math.max(value, one) : value + one;
  }
  return value;
}
