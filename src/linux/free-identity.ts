/** Numbers of accounts that are nobody else's, for processes that need no name: passwd(5), group(5), proc(5). */

import { readdirSync, readFileSync } from 'node:fs';
import type { Identity } from '../core/identity.ts';
import { findAccount, groupId } from './identity.ts';

/**
 * Neither distributions nor systemd give these to anybody (UIDS-GIDS of systemd: between those of greeters and its
 * dynamic users, and below 65,536, so that containers have them).
 */
export const FREE_ID_MIN = 60_706;
export const FREE_ID_MAX = 61_183;

/** Processes looked at. */
const PROCESSES_MAX = 65_536;

/**
 * Uids, each with a group of the same number, that no account, no group and no process has; the first that are free
 * from a place on which `name` chooses, so that two services seldom want the same. Fewer than `count` where no more
 * are free.
 */
export function freeIdentities(name: string, count: number): readonly Identity[] {
  const size = FREE_ID_MAX - FREE_ID_MIN + 1;
  const first = placeOf(name, size);
  const taken = runningIds();
  const free: Identity[] = [];
  for (let step = 0; step < size && free.length < count; step++) {
    const id = FREE_ID_MIN + ((first + step) % size);
    const known = findAccount(String(id)) !== null || groupId(String(id)) !== null;
    if (!known && !taken.has(id)) free.push({ uid: id, gid: id, groups: [] });
  }
  return free;
}

function placeOf(name: string, size: number): number {
  let place = 0;
  for (const byte of Buffer.from(name)) place = (place * 31 + byte) % size;
  return place;
}

/** Real, effective, saved and file system uids and gids of all processes that we see. */
function runningIds(): ReadonlySet<number> {
  const ids = new Set<number>();
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    for (const id of idsOf(pid)) ids.add(id);
  }
  return ids;
}

function idsOf(pid: string): readonly number[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const lines = status.matchAll(/^[UG]id:\s+([\d\s]+)$/gm);
    return [...lines].flatMap(([, ids = '']) => ids.trim().split(/\s+/).map(Number));
  } catch {
    // It has ended, or is not to be looked at.
    return [];
  }
}
