/**
 * The account a track script runs as (keepalived.conf(5), script_user): the one named, else
 * "keepalived_script" where it exists, else the guardian's own. Never root because a name is misspelt.
 */

import type { TrackScriptConfig } from '../config/model/election.ts';
import { OperationalError } from '../core/errors.ts';
import { type Account, findAccount, groupId, SCRIPT_ACCOUNT } from '../linux/identity.ts';

export type ScriptAccount = { readonly uid: number; readonly gid: number };

/** null: as the guardian itself. Throws OperationalError when a named account does not exist. */
export function scriptAccount(
  config: Pick<TrackScriptConfig, 'name' | 'user' | 'group'>,
  isRoot = process.getuid?.() === 0,
): ScriptAccount | null {
  const account = config.user === null ? null : named(config.name, config.user);
  const gid = config.group === null ? null : namedGroup(config.name, config.group);
  // Without root nobody can become somebody else.
  if (!isRoot) return null;
  const chosen = account ?? findAccount(SCRIPT_ACCOUNT);
  return chosen === null ? null : { uid: chosen.uid, gid: gid ?? chosen.gid };
}

function named(script: string, user: string): Account {
  const account = findAccount(user);
  if (account !== null) return account;
  throw new OperationalError(
    'missing-account',
    `Script "${script}" runs as user "${user}", which does not exist; create it or name another`,
  );
}

function namedGroup(script: string, group: string): number {
  const gid = groupId(group);
  if (gid !== null) return gid;
  throw new OperationalError(
    'missing-account',
    `Script "${script}" runs in group "${group}", which does not exist; create it or name another`,
  );
}
