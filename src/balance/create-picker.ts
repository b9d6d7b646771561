/** Chooses the algorithm a backend's configuration asks for, and lets backup servers stand in. */

import type { ServerConfig } from '../config/model/traffic.ts';
import { algorithmOf, type BalanceConfig } from './algorithms.ts';
import { createFirstPicker } from './first.ts';
import type { Candidate, Picker } from './picker.ts';
import { gcdOfWeights } from './server-map.ts';
import type { BackendSnapshot } from './snapshot.ts';

/**
 * `phase` shifts where rotating algorithms begin, so that relays do not all start at the same server;
 * with phase 0 the order is HAProxy's.
 */
export function createPicker(
  balance: BalanceConfig,
  servers: readonly ServerConfig[],
  snapshot: BackendSnapshot,
  phase: number,
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
  const active = usable(false);
  // Without `option allbackups` HAProxy uses the backups one after the other, not at the same time.
  const backup = createFirstPicker(usable(true));
  if (active.length === 0) return backup;
  const divisor = gcdOfWeights([
    ...servers.map((server) => server.weight),
    ...active.map((candidate) => candidate.weight),
  ]);
  const heaviest = Math.max(1, ...servers.map((server) => server.weight)) * (ramps ? 100 : 1);
  const primary = algorithm.createPicker(balance, active, { divisor, heaviest, phase });
  return {
    pick(context) {
      const server = primary.pick(context);
      return server === -1 ? backup.pick(context) : server;
    },
  };
}
