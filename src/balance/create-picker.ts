/** Chooses the algorithm a backend's configuration asks for, and lets backup servers stand in. */

import type { ServerConfig } from '../config/model/traffic.ts';
import { algorithmOf, type BalanceConfig } from './algorithms.ts';
import { createFirstPicker } from './first.ts';
import type { Candidate, Picker } from './picker.ts';
import { gcdOfWeights } from './server-map.ts';
import type { BackendSnapshot } from './snapshot.ts';

/**
 * `phase` shifts where rotating algorithms begin, so that relays do not all start at the same server;
 * with phase 0 the order is HAProxy's. `allBackups`: backups share clients as active servers do; otherwise the first
 * that is usable has them all.
 */
export function createPicker(
  balance: BalanceConfig,
  servers: readonly ServerConfig[],
  snapshot: BackendSnapshot,
  phase: number,
  allBackups = false,
): Picker {
  const algorithm = algorithmOf(balance.kind);
  const ramps =
    !algorithm.isStatic(balance) && snapshot.servers.some(({ throttle }) => throttle !== undefined);
  const usable = (backup: boolean): Candidate[] =>
    servers.flatMap((config, server) => {
      const state = snapshot.servers[server];
      if (state === undefined || !state.usable || state.weight === 0) return [];
      if (config.backup !== backup) return [];
      // Maps of places stay as they are while a server warms up, as in HAProxy.
      const weight = ramps ? state.weight * (state.throttle ?? 100) : state.weight;
      return [{ server, weight }];
    });
  const heaviest = Math.max(1, ...servers.map((server) => server.weight)) * (ramps ? 100 : 1);
  const share = (candidates: readonly Candidate[]): Picker => {
    const divisor = gcdOfWeights([
      ...servers.map((server) => server.weight),
      ...candidates.map((candidate) => candidate.weight),
    ]);
    return algorithm.createPicker(balance, candidates, { divisor, heaviest, phase });
  };
  const active = usable(false);
  const standing = usable(true);
  const isShared = allBackups && standing.length > 0;
  const backup = isShared ? share(standing) : createFirstPicker(standing);
  if (active.length === 0) return backup;
  const primary = share(active);
  return {
    pick(context) {
      const server = primary.pick(context);
      return server === -1 ? backup.pick(context) : server;
    },
  };
}
