/** What the relays are told about the servers of one backend. */

import type { BackendSnapshot } from '../../balance/snapshot.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import {
  isReady,
  isStopping,
  isUp,
  isUsable,
  type ServerEntry,
  throttleOf,
  weightOf,
} from './server-entry.ts';

type Members = {
  readonly config: Pick<BackendConfig, 'panic'>;
  readonly servers: readonly ServerEntry[];
};

/**
 * In panic, when no server is usable, those come back that checks took out: first the ones that answer and
 * only ask for no new connections, else all that no operator took out. Checks may be wrong about everything
 * at once; clients then find out which server works. `now`: ms, for servers that warm up.
 */
export function snapshotBackend({ config, servers }: Members, now: number): BackendSnapshot {
  const chosen = config.panic && !servers.some(isUsable) ? panicServers(servers) : willing(servers);
  return {
    servers: servers.map((entry) => {
      const throttle = throttleOf(entry, now);
      const state = {
        usable: chosen.has(entry),
        weight: weightOf(entry),
        ...(entry.config.resolution === undefined ? {} : { address: entry.address }),
      };
      return throttle === null ? state : { ...state, throttle };
    }),
  };
}

function willing(servers: readonly ServerEntry[]): ReadonlySet<ServerEntry> {
  return new Set(servers.filter((entry) => isReady(entry) && isUp(entry) && !isStopping(entry)));
}

function panicServers(servers: readonly ServerEntry[]): ReadonlySet<ServerEntry> {
  const ready = servers.filter((entry) => isReady(entry) && weightOf(entry) > 0);
  const answering = ready.filter(isUp);
  return new Set(answering.length > 0 ? answering : ready);
}
