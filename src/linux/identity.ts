/**
 * Accounts, numbers that are nobody's, and giving up root for good: passwd(5), group(5), proc(5), setgroups(2),
 * setgid(2), setuid(2).
 *
 * Accounts are read from the files: Node offers no getpwnam(3), and a daemon that starts a node's control
 * plane must not wait for a directory server.
 */

import { chownSync, fchownSync, readdirSync, readFileSync } from 'node:fs';
import { assert } from '../core/assert.ts';
import type { Identity } from '../core/identity.ts';

/** Accounts and groups looked through at most; more means the file is not what it should be. */
const ENTRIES_MAX = 100_000;

/** NGROUPS_MAX is 65,536; a service account is in a handful. */
const GROUPS_MAX = 64;

/** Scripts run as it where nobody is named and it exists, as with keepalived. */
export const SCRIPT_ACCOUNT = 'keepalived_script';

export type Account = { readonly name: string; readonly uid: number; readonly gid: number };

/** The account of that name or number; null when there is none. */
export function findAccount(user: string): Account | null {
  const fields = findEntry('/etc/passwd', user);
  const uid = parseId(fields?.[2]);
  const gid = parseId(fields?.[3]);
  const name = fields?.[0];
  if (name === undefined || uid === null || gid === null) return null;
  return { name, uid, gid };
}

/** Number of a user given by name or number; null when there is no such account. */
export function userId(user: string): number | null {
  return findAccount(user)?.uid ?? null;
}

/** Number of a group given by name or number; null when there is no such group. */
export function groupId(group: string): number | null {
  return parseId(findEntry('/etc/group', group)?.[2]);
}

/** The account with its groups, as initgroups(3) collects them; `gid` takes the place of its own. */
export function identityOf(account: Account, gid = account.gid): Identity {
  return { uid: account.uid, gid, groups: [gid, ...supplementaryGroups(account.name)] };
}

/**
 * Changes this process, all its threads; there is no way back. Throws when the kernel refuses, and asserts
 * afterwards that root is really gone.
 */
export function becomeIdentity({ uid, gid, groups }: Identity): void {
  assert(uid !== 0, 'privileges are dropped to an account other than root');
  const { setgroups, setgid, setuid, getuid, geteuid } = process;
  assert(setgroups && setgid && setuid && getuid && geteuid, 'the main thread changes identity');
  setgroups([...groups]);
  setgid(gid);
  setuid(uid);
  assert(getuid() === uid && geteuid() === uid, 'the identity is changed');
}

/**
 * Has a file of ours, by its path or descriptor, belong to a group, also without CAP_CHOWN: as a member of it, which root
 * may become with CAP_SETGID (chown(2)). Of the main thread. Throws what the file system says.
 */
export function giveToGroup(file: string | number, gid: number): void {
  const { setgroups, getgroups } = process;
  assert(setgroups && getgroups, 'the main thread changes groups');
  const owner = process.getuid?.() ?? 0;
  const give = (): void =>
    typeof file === 'string' ? chownSync(file, owner, gid) : fchownSync(file, owner, gid);
  if (owner !== 0) {
    give();
    return;
  }
  const before = getgroups();
  setgroups([...before, gid]);
  try {
    give();
  } finally {
    setgroups(before);
  }
}

/** Groups that list the account as a member. */
function supplementaryGroups(user: string): readonly number[] {
  return entriesOf('/etc/group')
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .map((fields) => parseId(fields[2]))
    .filter((gid): gid is number => gid !== null && gid !== 0)
    .slice(0, GROUPS_MAX);
}

function entriesOf(file: string): readonly (readonly string[])[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n', ENTRIES_MAX);
    return lines.map((line) => line.split(':'));
  } catch {
    // A container without account files has no accounts.
    return [];
  }
}

/** The fields of the line whose first field is `key`, or whose third (the number) is. */
function findEntry(file: string, key: string): readonly string[] | null {
  const entries = entriesOf(file);
  const byName = entries.find(([name]) => name === key && key !== '');
  return byName ?? entries.find((fields) => /^\d+$/.test(key) && fields[2] === key) ?? null;
}

function parseId(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

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
