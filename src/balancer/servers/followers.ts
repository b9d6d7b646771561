/** Servers whose state is that of another one (HAProxy: `track`): what a change of it means for them. */

import {
  adminChanged,
  beganStopping,
  leftMaintenance,
  remainsInDrain,
  remainsInMaintenance,
  type ServerMessage,
  type Standing,
  wentDown,
  wentUp,
} from '../../health/server-events.ts';
import type { AdminState } from '../../health/server-state.ts';
import {
  adminOf,
  followedAdmin,
  isServing,
  isStopping,
  isUp,
  leaderName,
  type ServerEntry,
} from './server-entry.ts';

/** How a server stands, by its own state and that of those it follows. */
type Stand = {
  readonly admin: AdminState;
  /** Of the one that it follows. */
  readonly followed: AdminState;
  readonly up: boolean;
  readonly stopping: boolean;
  readonly serving: boolean;
};

export type Follower = Stand & {
  readonly backend: number;
  readonly server: number;
  readonly downtimeMs: number;
};

export function standOf(entry: ServerEntry): Stand {
  return {
    admin: adminOf(entry),
    followed: followedAdmin(entry),
    up: isUp(entry),
    stopping: isStopping(entry),
    serving: isServing(entry),
  };
}

/** What is said of a follower; null: nothing has changed. */
export function followedMessage(
  entry: ServerEntry,
  before: Stand,
  now: Stand,
): ((standing: Standing) => ServerMessage) | null {
  const via = leaderName(entry) ?? '';
  const released = before.followed !== now.followed && now.followed === 'ready';
  if (before.admin === 'maint' && now.admin !== 'maint') {
    return (standing) => leftMaintenance(standing, now.admin, 'maintenance');
  }
  if (before.admin !== now.admin) {
    return (standing) => adminChanged(standing, before.admin, now.admin, before.up, ` via ${via}`);
  }
  // What it follows is back from what this one is in by itself, too.
  if (now.admin === 'maint') return released ? remainsInMaintenance : null;
  if (now.admin === 'drain' && released) return remainsInDrain;
  if (before.up === now.up && before.stopping === now.stopping) return null;
  const message = !now.up ? wentDown : now.stopping ? beganStopping : wentUp;
  return (standing) => message(standing, { via });
}
