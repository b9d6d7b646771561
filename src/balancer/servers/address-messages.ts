/** What is said of a server whose name leads elsewhere. */

import type { ServerAddress } from '../../balance/snapshot.ts';
import {
  changedAddress,
  enteredMaintenance,
  resolvesAgain,
  resolvesInMaintenance,
  type ServerMessage,
  type Standing,
  wentUp,
} from '../../health/server-events.ts';
import { adminOf, type ServerEntry } from './server-entry.ts';

/** `wasUp`: whether it was, at the place of before. */
export function addressMessages(
  standing: Standing,
  entry: ServerEntry,
  before: ServerAddress | null,
  wasUp: boolean,
  cause: string,
): readonly ServerMessage[] {
  const { address, config } = entry;
  const admin = adminOf(entry);
  if (address === null) {
    return admin === 'maint' ? [] : [enteredMaintenance(standing, wasUp, ` (${cause})`)];
  }
  if (before === null) {
    if (admin === 'maint') return [resolvesInMaintenance(standing, config.host)];
    return [resolvesAgain(standing, config.host, admin)];
  }
  const moved = changedAddress(standing, before, address, cause);
  return wasUp || admin === 'maint' ? [moved] : [moved, wentUp(standing, null)];
}
