/** What became of the lines about clients: which of them are `clients` and `names` now, and which nobody goes by. */

import type { Diagnostic } from '../diagnostics.ts';
import type { ConnectionRule } from '../model/conditions.ts';
import type { ImportDraft } from './draft.ts';
import type { FoundLine, HaproxyLines } from './haproxy-lines.ts';
import { isAboutHello } from './names.ts';
import { type Place, placeText } from './remarks.ts';
import type { RoutedFrontend } from './services.ts';

type Context = {
  readonly lines: HaproxyLines;
  /** Of the haproxy.cfg. */
  readonly diagnostics: readonly Diagnostic[];
  /** Whether `clients` holds what the rules over connections say. */
  readonly areClientsCarried: boolean;
};

const PROXIES = ['defaults', 'frontend', 'listen', 'backend'];
const FRONTENDS = ['frontend', 'listen'];
const CONNECTION = 'tcp-request connection';
const CONTENT = 'tcp-request content';
const DELAY = 'tcp-request inspect-delay';
const ROUTE = 'use_backend';
/** Lines that ask for an ACL by its name. */
const WITH_CONDITIONS = [CONNECTION, 'tcp-request session', CONTENT, ROUTE];
/** Actions that the front end has a rule for. */
const ACTIONS = /^(accept|reject|silent-drop|track-sc[0-2])$/;
/** As services with names wait: docs/configuration.md. */
const HELLO_WAIT_MS = 5_000;

const NOT_CLIENTS =
  '"clients" has one list of networks for all services, to let in and to keep out; this line limits nobody any more';
const NOT_CONTENT =
  'what a client says decides by "names" which service it gets; this line turns nobody away any more';
const NOT_WAITING = 'no client is waited for but where services share a "listen" by "names"';

/** Remarks about all of them. */
export function listRules(
  draft: ImportDraft,
  frontends: readonly RoutedFrontend[],
  context: Context,
): void {
  const { lines, areClientsCarried } = context;
  const proxies = lines.lines(PROXIES);
  const carried = new Set<string>();
  for (const routed of frontends) {
    const own = [...listRoutes(draft, routed, context), ...listContent(draft, routed, lines)];
    for (const place of own) carried.add(placeText(place));
  }
  const leftOut: FoundLine[] = [];
  const used: FoundLine[] = [];
  for (const line of proxies) {
    if (!WITH_CONDITIONS.includes(line.directive)) continue;
    const isCarried =
      carried.has(placeText(line.place)) || (line.directive === CONNECTION && areClientsCarried);
    (isCarried ? used : leftOut).push(line);
  }
  for (const { place, directive, words } of leftOut) {
    const line = `"${words.slice(0, 3).join(' ')}"`;
    if (directive === CONNECTION)
      draft.remark('left-out', 'clients', place, `${line}: ${NOT_CLIENTS}`);
    if (directive !== CONTENT) continue;
    const why = words[2] === 'accept' ? NOT_WAITING : NOT_CONTENT;
    draft.remark('left-out', 'names', place, `${line}: ${why}`);
  }
  for (const line of proxies.filter(({ directive }) => directive === 'acl')) {
    const asks = (other: FoundLine): boolean => asksFor(other, line);
    if (!leftOut.some(asks) || used.some(asks)) continue;
    const text = `"${line.words.slice(0, 3).join(' ')}": what asks for it is left out`;
    draft.remark('left-out', '', line.place, text);
  }
}

function asksFor({ section, words }: FoundLine, acl: FoundLine): boolean {
  const [, name = ''] = acl.words;
  return section === acl.section && words.some((word) => word.replace(/^!/, '') === name);
}

/** Returns where the lines are that services' names stand for. */
function listRoutes(
  draft: ImportDraft,
  { frontend, fates, rest, isRestNew }: RoutedFrontend,
  { lines, diagnostics }: Context,
): readonly Place[] {
  const { name, backend, routes = [] } = frontend;
  const own = lines
    .lines(FRONTENDS, name)
    .filter(({ directive, place }) => directive === ROUTE && !isIgnored(place, diagnostics));
  const isFolded = own.length > routes.length && own[routes.length]?.words[1] === backend;
  const carried: Place[] = isFolded ? [own[routes.length]?.place ?? []].flat() : [];
  const bound = lines.frontend(name, ['bind']);
  for (const [index, fate] of fates.entries()) {
    const place = own[index]?.place ?? bound;
    const line = `"${ROUTE} ${routes[index]?.backend}"`;
    if (fate.kind === 'left-out') {
      const text = `${line}: ${fate.why}; these clients go where others do`;
      draft.remark('left-out', 'names', place, text);
      continue;
    }
    if (place !== null) carried.push(place);
    for (const each of fate.changes) draft.remark('changed', 'names', place, `${line}: ${each}`);
  }
  if (rest === null) {
    const text = `"${name}" leads to no server: a service has some`;
    draft.remark('left-out', 'listen', bound, text);
  } else if (isRestNew) {
    const text = `Clients of "${name}" that say none of the names were turned away, and now go to "${rest}": one of the services that share a "listen" takes all others`;
    draft.remark('changed', 'names', bound, text);
  }
  return carried;
}

/** Whether the front end goes by the line no more than we do. */
function isIgnored({ line }: Place, diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((each) => each.line === line && each.code === 'ignored-directive');
}

/** Returns where the lines are that are what services with names do anyway. */
function listContent(
  draft: ImportDraft,
  { frontend, named }: RoutedFrontend,
  lines: HaproxyLines,
): readonly Place[] {
  const { name, inspection } = frontend;
  const waits = named.length > 0;
  const delay = lines.frontend(name, [DELAY]);
  if (delay !== null && !waits) {
    draft.remark('left-out', '', delay, `"${DELAY}": ${NOT_WAITING}`);
  } else if (delay !== null && inspection !== undefined && inspection.delayMs !== HELLO_WAIT_MS) {
    const text = `A client's hello is waited for up to ${HELLO_WAIT_MS / 1_000} s, and not ${inspection.delayMs / 1_000} s`;
    draft.remark('changed', '', delay, text);
  }
  const rules = inspection?.rules ?? [];
  const own = lines
    .lines(FRONTENDS, name)
    .filter(({ directive, words }) => directive === CONTENT && ACTIONS.test(words[2] ?? ''));
  if (own.length !== rules.length) return [];
  return own.flatMap(({ place }, index) => (isWaiting(rules[index], waits) ? [place] : []));
}

function isWaiting(rule: ConnectionRule | undefined, waits: boolean): boolean {
  return waits && rule?.action === 'accept' && isAboutHello(rule.when);
}
