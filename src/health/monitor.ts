/**
 * Whether `monitor-uri` answers that all is well: conditions over the usable servers of backends
 * (HAProxy: `monitor fail`, fetch `nbsrv`).
 */

import type { MonitorTerm } from '../config/model/traffic.ts';

/** Usable servers as HAProxy counts them: backups only where no other is left. */
export type UsableServers = { readonly usableActive: number; readonly usableBackup: number };

/** Any of `conditions` that holds in all its terms makes the monitor fail. */
export function monitorFails(
  conditions: readonly (readonly MonitorTerm[])[],
  backendOf: (name: string) => UsableServers | null,
): boolean {
  return conditions.some((terms) => terms.every((term) => holds(term, backendOf(term.backend))));
}

/** A backend that is gone has no servers. */
function holds(term: MonitorTerm, backend: UsableServers | null): boolean {
  const usable = backend === null ? 0 : backend.usableActive || backend.usableBackup;
  return compare(usable, term) !== term.negated;
}

function compare(usable: number, { is, servers }: MonitorTerm): boolean {
  switch (is) {
    case 'eq':
      return usable === servers;
    case 'ge':
      return usable >= servers;
    case 'gt':
      return usable > servers;
    case 'le':
      return usable <= servers;
    case 'lt':
      return usable < servers;
  }
}
