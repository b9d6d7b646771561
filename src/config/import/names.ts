/**
 * Lines of `use_backend` that ask for the name in a client's hello as the `names` of services. In a haproxy.cfg the first
 * line that holds decides, in evergate.yaml the name that says most: so what an earlier line covers is no name here.
 */

import { isHostPattern } from '../evergate-yaml/schema.ts';
import type { Condition, Term, Test } from '../model/conditions.ts';
import type { FrontendConfig } from '../model/traffic.ts';

/** Of a `use_backend` line. */
export type RouteFate =
  | {
      readonly kind: 'carried';
      /** In what it is not as it was: sentences. */
      readonly changes: readonly string[];
    }
  | { readonly kind: 'left-out'; readonly why: string };

export type Named = { readonly backend: string; readonly names: readonly string[] };

export type Routed = {
  /** Of each route of the frontend, in their order. */
  readonly fates: readonly RouteFate[];
  readonly named: readonly Named[];
  /** The backend of all other clients; null: no client is led anywhere. */
  readonly rest: string | null;
  /** Nobody had these other clients, so that one of the routes' backends has them now. */
  readonly isRestNew: boolean;
};

type Backends = {
  /** Whether there are servers. */
  readonly leadsSomewhere: (backend: string) => boolean;
  readonly leadsToApiservers: (backend: string) => boolean;
};

const WILDCARD = '*.';
const HELLO = 1;

/** Whether it holds for every client that has said a name. */
function comesWithName({ fact, match }: Test): boolean {
  if (fact.kind === 'server-name') return match.kind === 'found';
  if (fact.kind !== 'hello-type' || match.kind !== 'numbers') return false;
  return match.ranges.some(({ min, max }) => (min ?? HELLO) <= HELLO && (max ?? HELLO) >= HELLO);
}

type Asked = { readonly names: readonly string[]; readonly changes: readonly string[] };

/** null: it asks for something else, or for a part of a name that no wildcard is about. */
function askedBy({ fact, match }: Test): Asked | null {
  if (fact.kind !== 'server-name' || match.kind !== 'texts') return null;
  const names: string[] = [];
  const changes: string[] = [];
  for (const pattern of match.patterns) {
    const bare = pattern.replace(/^\.+/, '').toLowerCase();
    if (match.how === 'whole') names.push(pattern.toLowerCase());
    else if (match.how === 'end' && pattern.startsWith('.')) names.push(WILDCARD + bare);
    else if (match.how === 'end' || match.how === 'domain') {
      names.push(bare, WILDCARD + bare);
      const example = match.how === 'end' ? `other${bare}` : `${bare}.other`;
      changes.push(`"${bare}" is a whole name and the end of one behind a dot, not "${example}"`);
    } else return null;
  }
  if (match.patterns.some((each) => each.startsWith('*')) || !names.every(isHostPattern)) {
    return null;
  }
  const isLowered = fact.lowered && match.patterns.every((each) => each === each.toLowerCase());
  if (!match.ignoresCase && !isLowered) changes.push('Case does not count in names');
  return { names, changes };
}

function askedByTerm({ tests, negated }: Term): Asked | null {
  const asked = tests.map(askedBy);
  if (negated || asked.length === 0 || asked.includes(null)) return null;
  return merge(asked.flatMap((each) => each ?? []));
}

function merge(all: readonly Asked[]): Asked {
  return {
    names: [...new Set(all.flatMap(({ names }) => names))],
    changes: [...new Set(all.flatMap(({ changes }) => changes))],
  };
}

/** The names that fulfil it; null: it asks for more, or for something else. */
function namesOf({ anyOf, negated }: Condition): Asked | null {
  const asked = anyOf.map((terms) => {
    const own = terms.filter((term) => term.negated || !term.tests.every(comesWithName));
    const [only, more] = own;
    return only === undefined || more !== undefined ? null : askedByTerm(only);
  });
  if (negated || asked.length === 0 || asked.includes(null)) return null;
  return merge(asked.flatMap((each) => each ?? []));
}

/** Whether it holds for clients that have said a hello, or a name: what services with names wait for. */
export function isAboutHello({ anyOf, negated }: Condition): boolean {
  const terms = anyOf.flat();
  const isAbout = (test: Test): boolean => comesWithName(test) || askedBy(test) !== null;
  return (
    !negated &&
    terms.length > 0 &&
    terms.every((term) => !term.negated && term.tests.every(isAbout))
  );
}

/** Whether all clients of a name, or of any that a wildcard stands for, are among those of another one. */
function covers(one: string, other: string): boolean {
  return one === other || (one.startsWith(WILDCARD) && other.endsWith(one.slice(1)));
}

const OTHER_CONDITION =
  'services are told apart by the name in the TLS hello alone, whole or behind "*."';

/** Where the clients of a frontend go, as services with `names` and one without. */
export function routeByNames({ backend, routes = [] }: FrontendConfig, backends: Backends): Routed {
  const fates: RouteFate[] = [];
  const named = new Map<string, readonly string[]>();
  for (const route of routes) {
    const asked = namesOf(route.when);
    const earlier = [...named.values()].flat();
    const isReached = (name: string): boolean => !earlier.some((each) => covers(each, name));
    if (asked === null) fates.push({ kind: 'left-out', why: OTHER_CONDITION });
    else if (!backends.leadsSomewhere(route.backend)) {
      fates.push({ kind: 'left-out', why: `"${route.backend}" has no servers` });
    } else {
      const names = asked.names.filter(isReached);
      fates.push({ kind: 'carried', changes: asked.changes });
      if (names.length > 0)
        named.set(route.backend, [...(named.get(route.backend) ?? []), ...names]);
    }
  }
  const isRestNew = !backends.leadsSomewhere(backend);
  const candidates = [...named.keys()];
  const rest = isRestNew
    ? (candidates.find(backends.leadsToApiservers) ?? candidates[0] ?? null)
    : backend;
  return { fates, rest, isRestNew, named: withoutRest(named, rest) };
}

/** Its clients come without being named, but for those whom a wildcard of another backend would have. */
function withoutRest(
  named: ReadonlyMap<string, readonly string[]>,
  rest: string | null,
): readonly Named[] {
  const others = [...named].flatMap(([backend, names]) => (backend === rest ? [] : names));
  return [...named].flatMap(([backend, all]) => {
    const names =
      backend === rest ? all.filter((name) => others.some((each) => covers(each, name))) : all;
    return names.length === 0 ? [] : [{ backend, names }];
  });
}
