/**
 * Services that share what they listen on: clients are led by the name in their TLS hello (RFC 6066 section 3), and to
 * the one service without `names` where there is none, or another.
 */

import { type Condition, holdsFor, type Inspection, type TextMatch } from '../model/conditions.ts';
import type { FrontendConfig } from '../model/traffic.ts';
import type { Draft } from './draft.ts';
import type { Listen } from './values.ts';

type Service = {
  readonly name: string;
  readonly listen: readonly Listen[];
  /** Lower case, such as "*.example.com"; where there are any, it takes no other clients. */
  readonly names: readonly string[];
};

/**
 * How long a client's hello is waited for, before it is led to the service without names. Clients that speak TLS say it
 * at once; this is time for a packet of it to be lost and sent again, twice (RFC 6298: after 1 s and 2 s more).
 */
const HELLO_WAIT_MS = 5_000;

/** Lets all in; what it asks about is what is waited for. */
const INSPECTION: Inspection = {
  delayMs: HELLO_WAIT_MS,
  rules: [
    {
      action: 'accept',
      when: holdsFor({ fact: { kind: 'server-name', lowered: false }, match: { kind: 'found' } }),
    },
  ],
};

const WILDCARD = '*.';

export function isNamed({ names }: Pick<Service, 'names'>): boolean {
  return names.length > 0;
}

/** Equal for the same list of addresses, in whatever order. */
function listenKey(listen: readonly Listen[]): string {
  return listen
    .map((each) => JSON.stringify(each))
    .toSorted()
    .join();
}

/** Those with names that are reached where this one listens. */
function sharersOf(services: readonly Service[], host: Service): readonly Service[] {
  const key = listenKey(host.listen);
  return services.filter((each) => isNamed(each) && listenKey(each.listen) === key);
}

/** Reports names that lead to two services, and those that no client would be asked for. */
export function judgeNames(draft: Draft, services: readonly Service[]): void {
  const named = services.filter(isNamed);
  const hosts = new Set(
    services.filter((each) => !isNamed(each)).map(({ listen }) => listenKey(listen)),
  );
  const taken = new Map<string, string>();
  for (const service of named) {
    const { name, listen, names } = service;
    const path = ['services', name, 'names'];
    const key = listenKey(listen);
    if (!hosts.has(key)) {
      const text = `"${name}" takes only clients of its "names", and no service without names has the same "listen" to take the others; list what another one listens on, all of it, or remove "names"`;
      draft.report.error(draft.keyPlace(path), 'missing-value', text);
    }
    for (const [index, each] of names.entries()) {
      const id = `${each} ${key}`;
      const owner = taken.get(id);
      taken.set(id, owner ?? name);
      if (owner === undefined) continue;
      const text = `"${each}" already leads to service "${owner}"; remove one of them`;
      draft.report.error(draft.itemPlace(path, index), 'duplicate-name', text);
    }
  }
}

/** Whole names before wildcards, and of these the longest first: what says more decides. */
export function routesByName(
  services: readonly Service[],
  host: Service,
): Pick<FrontendConfig, 'inspection' | 'routes'> {
  const sharers = sharersOf(services, host);
  if (sharers.length === 0) return {};
  const whole = sharers.flatMap(({ name, names }) => {
    const patterns = names.filter((each) => !each.startsWith(WILDCARD));
    return patterns.length === 0 ? [] : [{ backend: name, when: asksFor('whole', patterns) }];
  });
  const wild = sharers
    .flatMap(({ name, names }) =>
      names
        .filter((each) => each.startsWith(WILDCARD))
        .map((each) => ({ backend: name, ending: each.slice(1) })),
    )
    .toSorted((one, other) => other.ending.length - one.ending.length)
    .map(({ backend, ending }) => ({ backend, when: asksFor('end', [ending]) }));
  return { inspection: INSPECTION, routes: [...whole, ...wild] };
}

/** Of names in a hello, case does not count. */
function asksFor(how: TextMatch, patterns: readonly string[]): Condition {
  return holdsFor({
    fact: { kind: 'server-name', lowered: false },
    match: { kind: 'texts', how, ignoresCase: true, patterns },
  });
}
