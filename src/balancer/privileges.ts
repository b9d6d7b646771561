/**
 * Gives up root once everything that needs it is open. After this nothing may be loaded from the source
 * folder: the account may not be able to read it.
 */

import type { BalancerProcessConfig } from '../config/model/process.ts';
import { type Account, becomeAccount, findAccount, groupId } from '../linux/identity.ts';

/** Every Linux has it; it owns nothing. */
const LAST_RESORT = 'nobody';

export type PrivilegeLine = { readonly level: 'info' | 'warning'; readonly text: string };

/** Lines for the log; throws when the kernel refuses. Drops nothing when no account is configured. */
export function dropPrivileges(config: BalancerProcessConfig): readonly PrivilegeLine[] {
  const { user, group } = config;
  if (user === null) return [];
  const uid = process.getuid?.();
  if (uid !== 0) {
    const text = `The balancer runs as uid ${uid} and cannot change to user "${user}"; start Evergate as root for that`;
    return [{ level: 'info', text }];
  }
  const lines: PrivilegeLine[] = [];
  const account = findAccount(user) ?? fallback(user, lines);
  if (account.uid === 0) return [...lines, rootStays(user)];
  becomeAccount(account, groupOf(account, group, lines));
  return lines;
}

function fallback(user: string, lines: PrivilegeLine[]): Account {
  const account = findAccount(LAST_RESORT) ?? { name: LAST_RESORT, uid: 65_534, gid: 65_534 };
  lines.push({
    level: 'warning',
    text: `User "${user}" does not exist; the balancer runs as "${account.name}" instead. Create it with: useradd --system --shell /usr/sbin/nologin ${user}`,
  });
  return account;
}

function groupOf(account: Account, group: string | null, lines: PrivilegeLine[]): number {
  if (group === null) return account.gid;
  const gid = groupId(group);
  if (gid !== null && gid !== 0) return gid;
  const why = gid === null ? 'does not exist' : 'is the group of root';
  const text = `Group "${group}" ${why}; the balancer runs with the group of "${account.name}" instead`;
  lines.push({ level: 'warning', text });
  return account.gid;
}

function rootStays(user: string): PrivilegeLine {
  const text = `User "${user}" is root: the balancer keeps all rights. Name an unprivileged account`;
  return { level: 'warning', text };
}
