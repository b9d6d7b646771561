/** What works in an evergate.yaml and will hurt in front of Kubernetes API servers. Warnings only. */

import { ALGORITHM_NAMES, algorithmOf } from '../../balance/algorithms.ts';
import { checkKindOfType } from '../../health/kinds/check-kinds.ts';
import { sharedAccountProblem } from '../accounts.ts';
import { COMMON_PASSWORDS } from '../haproxy/lints.ts';
import type { Draft } from './draft.ts';
import type { NativeFile } from './schema.ts';
import { formatDuration, type Listen } from './values.ts';

/** Shorter idle times cut watches and `kubectl logs -f`: kubernetes/kubeadm#2227. */
const IDLE_TIMEOUT_MS_MIN = 600_000;

export function warnOfTimeouts(draft: Draft): void {
  const { idle } = draft.file.timeouts;
  if (idle >= IDLE_TIMEOUT_MS_MIN) return;
  const text =
    `"timeouts.idle" cuts idle watches and "kubectl logs -f" after ${formatDuration(idle)}; ` +
    'use 1h or more';
  draft.report.warning(draft.place(['timeouts', 'idle']), 'short-idle-timeout', text);
}

/** `names`: the servers that such a check watches. */
export function warnOfTcpCheck(draft: Draft, names: readonly string[]): void {
  if (names.length === 0 || checkKindOfType(draft.file.check.type).wantsAnswer) return;
  const text =
    `A TCP check passes a server that accepts connections and answers nothing (${names.join(', ')}); ` +
    'use "type: https", which asks for /readyz';
  draft.report.warning(draft.place(['check', 'type']), 'tcp-check-of-tls', text);
}

/** Keys that another one would have to call for. */
export function warnOfStrays(draft: Draft): void {
  const { report, file } = draft;
  const algorithm = algorithmOf(file.balance);
  if (algorithm.withHash === undefined && draft.has(['hash'])) {
    const hashing = ALGORITHM_NAMES.filter((name) => algorithmOf(name).withHash !== undefined);
    const text = `"hash" is ignored without "balance: ${hashing.join(' or ')}"`;
    report.warning(draft.keyPlace(['hash']), 'ignored-directive', text);
  }
  if (!algorithm.sharesRoom && draft.has(['rebalance'])) {
    const text = `"rebalance" is ignored with "balance: ${file.balance}": a client that comes back gets the same server`;
    report.warning(draft.keyPlace(['rebalance']), 'ignored-directive', text);
  }
  if (file.clients['rate-connections'] === undefined && draft.has(['clients', 'rate-period'])) {
    const text = '"clients.rate-period" is ignored without "rate-connections"';
    report.warning(draft.keyPlace(['clients', 'rate-period']), 'ignored-directive', text);
  }
}

/** On a node with an apiserver its answers go straight to the client, whom they tell nothing. */
export function warnOfWayBack(draft: Draft): void {
  const { source, servers } = draft.file;
  if (source !== 'client' || servers !== undefined) return;
  const text =
    '"source: client": the nodes are the servers, too, and answer clients past the node that holds the VIP unless their ' +
    'routes say otherwise; see docs/transparent-source.md, or say "send-proxy" where servers read it';
  draft.report.warning(draft.place(['source']), 'no-way-back', text);
}

export function warnOfSharedAccount(draft: Draft): void {
  const problem = sharedAccountProblem(draft.file.balancer.user);
  if (problem === null) return;
  draft.report.warning(draft.place(['balancer', 'user']), 'shared-account', problem);
}

function isLoopback(address: Listen): boolean {
  if (address.kind === 'unix' || address.kind === 'any') return address.kind === 'unix';
  return address.kind === 'ipv4' ? address.host.startsWith('127.') : address.host === '::1';
}

/** The note for status; null: there is nobody to be fooled, or a key. */
export function warnOfOpenElection(draft: Draft): string | null {
  const { vip, vrrp, nodes } = draft.file;
  const alone = vrrp.transport === 'unicast' && Object.keys(nodes).length < 2;
  if (vip === undefined || vrrp.key !== undefined || alone) return null;
  const text =
    'Advertisements are not signed: whoever can send a packet to a node can take the VIP; make a key with ' +
    '"evergate key", and name it as "vrrp.key"';
  const place = draft.has(['vrrp']) ? draft.keyPlace(['vrrp']) : draft.keyPlace(['vip']);
  draft.report.warning(place, 'no-vrrp-key', text);
  return text;
}

export function warnOfStats(draft: Draft, stats: NonNullable<NativeFile['stats']>): void {
  const { report } = draft;
  for (const [name, password] of Object.entries(stats.users)) {
    const lower = password.toLowerCase();
    if (!COMMON_PASSWORDS.includes(lower) && lower !== name.toLowerCase()) continue;
    const text = `Everybody knows "${name}:${password}"; choose a password of your own`;
    report.warning(draft.place(['stats', 'users', name]), 'default-credentials', text);
  }
  const reachable = stats.listen.find((address) => !isLoopback(address));
  if (!stats.admin || reachable === undefined) return;
  const key = Object.keys(stats.users).length > 0 ? ' and knows its password' : '';
  const text =
    `Whoever reaches the stats page over the network${key} may take every server out; ` +
    'listen on 127.0.0.1 or remove "admin"';
  report.warning(draft.place(['stats', 'admin']), 'open-admin', text);
}
