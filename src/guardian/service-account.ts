/**
 * What the processes run as that need no rights: chosen once, by the guardian, so that they all agree and need read
 * no files for it. An account of their own, because whoever shares one can end them and look into them.
 */

import { SERVICE_ACCOUNT } from '../config/accounts.ts';
import type { BalancerProcessConfig } from '../config/model/process.ts';
import type { Identity } from '../core/identity.ts';
import {
  type Account,
  findAccount,
  freeIdentities,
  groupId,
  identityOf,
} from '../linux/identity.ts';
import type { LogLevel } from './log.ts';

/** Every Linux has it, and much else runs as it. */
const LAST_RESORT: Account = { name: 'nobody', uid: 65_534, gid: 65_534 };

export type ServiceAccounts = {
  /** null: as this process itself. */
  readonly balancer: Identity | null;
  /** Its own, so that balancers have no hold on it; null: as this process itself, or as balancers. */
  readonly checker: Identity | null;
  /** What is to be said of it. */
  readonly lines: readonly { readonly level: LogLevel; readonly text: string }[];
};

type Line = ServiceAccounts['lines'][number];

const ROOT_UNNAMED: Line = {
  level: 'warning',
  text: 'The file names no "user": the balancer stays root. Name an unprivileged account',
};

/** `name`: of this service, on which the numbers depend that it gets where the account does not exist. */
export function chooseAccounts(
  config: Pick<BalancerProcessConfig, 'user' | 'group'>,
  name: string,
  uid = process.getuid?.() ?? -1,
): ServiceAccounts {
  const { user, group } = config;
  const [checker = null, other] = uid === 0 ? freeIdentities(name, 2) : [];
  if (user === null) return { balancer: null, checker, lines: uid === 0 ? [ROOT_UNNAMED] : [] };
  if (uid !== 0) {
    const text = `The balancer runs as uid ${uid} and cannot change to user "${user}"; start Evergate as root for that`;
    return { balancer: null, checker: null, lines: [{ level: 'info', text }] };
  }
  const lines: Line[] = [];
  const account = findAccount(user);
  if (account?.uid === 0) return { balancer: null, checker, lines: [rootStays(user)] };
  const identity = account === null ? ownIdentity(user, other, lines) : identityOf(account);
  const balancer = withGroup(identity, group, lines);
  return { balancer, checker: checker ?? balancer, lines };
}

function ownIdentity(user: string, free: Identity | undefined, lines: Line[]): Identity {
  const identity = free ?? identityOf(findAccount(LAST_RESORT.name) ?? LAST_RESORT);
  const as = free === undefined ? `"${LAST_RESORT.name}"` : `uid ${free.uid}`;
  const whose = free === undefined ? 'which other services share' : "which is nobody else's";
  const fix = `Create it with: useradd --system --shell /usr/sbin/nologin ${user}`;
  // Ours is there where a package has made it; who has named another one expects it.
  const expected = user !== SERVICE_ACCOUNT || free === undefined;
  lines.push(
    expected
      ? {
          level: 'warning',
          text: `User "${user}" does not exist; the balancer runs as ${as}, ${whose}. ${fix}`,
        }
      : { level: 'info', text: `The balancer runs as ${as}, ${whose}` },
  );
  return identity;
}

function withGroup(identity: Identity, group: string | null, lines: Line[]): Identity {
  if (group === null) return identity;
  const gid = groupId(group);
  if (gid !== null && gid !== 0) {
    const [, ...others] = identity.groups;
    return { ...identity, gid, groups: [gid, ...others] };
  }
  const why = gid === null ? 'does not exist' : 'is the group of root';
  const text = `Group "${group}" ${why}; the balancer runs with gid ${identity.gid} instead`;
  lines.push({ level: 'warning', text });
  return identity;
}

function rootStays(user: string): Line {
  const text = `User "${user}" is root: the balancer keeps all rights. Name an unprivileged account`;
  return { level: 'warning', text };
}
