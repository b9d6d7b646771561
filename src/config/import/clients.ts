/** Rules over connections as `clients`, where they are lists of networks, and PROXY headers. */

import { ALWAYS, type Condition, type ConnectionRule } from '../model/conditions.ts';
import type { ImportDraft } from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import { isSame } from './same.ts';
import type { OldService } from './settings.ts';

type Networks = { readonly allow: readonly string[]; readonly deny: readonly string[] };

/** A condition that names networks, and whether it is about those outside of them. */
function networksOf({
  anyOf,
  negated,
}: Condition): { readonly networks: readonly string[]; readonly outside: boolean } | null {
  const [group, more] = anyOf;
  const [term, another] = group ?? [];
  if (term === undefined || more !== undefined || another !== undefined) return null;
  const lists = term.tests.map(({ fact, match }) =>
    fact.kind === 'source' && match.kind === 'networks' ? match.networks : null,
  );
  if (lists.length === 0 || lists.includes(null)) return null;
  const networks = lists.flatMap((list) => list ?? []);
  return { networks, outside: negated !== term.negated };
}

/** Rejections first, then who is let in and nobody else; null: rules of another kind. */
function asNetworks(rules: readonly ConnectionRule[]): Networks | null {
  const deny: string[] = [];
  const allow: string[] = [];
  for (const [index, rule] of rules.entries()) {
    const isLast = index === rules.length - 1;
    if (rule.action === 'track') return null;
    if (rule.action === 'reject' && isSame(rule.when, ALWAYS)) {
      return isLast && allow.length > 0 ? { allow, deny } : null;
    }
    const found = networksOf(rule.when);
    if (found === null) return null;
    if (rule.action === 'accept') {
      if (found.outside) return null;
      allow.push(...found.networks);
    } else if (found.outside) {
      return isLast && allow.length === 0 ? { allow: found.networks, deny } : null;
    } else if (allow.length > 0) return null;
    else deny.push(...found.networks);
  }
  return allow.length > 0 ? null : { allow, deny };
}

/** Those of all services are the same, or none is taken over. Returns whether they are. */
export function writeClients(
  draft: ImportDraft,
  services: readonly OldService[],
  lines: HaproxyLines,
): boolean {
  const lists = services.map(({ frontend }) => asNetworks(frontend.connectionRules ?? []));
  const [first = null] = lists;
  const isCarried = first !== null && lists.every((each) => isSame(each, first));
  if (isCarried) {
    if (first.allow.length > 0) draft.set(['clients', 'allow'], [...first.allow]);
    if (first.deny.length > 0) draft.set(['clients', 'deny'], [...first.deny]);
  }
  writeProxy(draft, services, lines);
  return isCarried;
}

function writeProxy(
  draft: ImportDraft,
  services: readonly OldService[],
  lines: HaproxyLines,
): void {
  const accepting = services.filter(({ frontend }) => frontend.acceptProxy === true);
  if (accepting.length === 0) return;
  if (accepting.length === services.length) {
    draft.set(['clients', 'accept-proxy'], true);
    return;
  }
  for (const { frontend } of accepting) {
    const text = `"accept-proxy" of "${frontend.name}": it is the same for all services, and the others have none`;
    draft.remark('left-out', 'clients.accept-proxy', lines.frontend(frontend.name, ['bind']), text);
  }
}
