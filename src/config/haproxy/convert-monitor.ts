/**
 * `monitor fail`: when `monitor-uri` answers 503 (configuration manual sections 4.2 and 7.2). The one thing
 * such a condition can ask here is how many servers are usable: nbsrv(BACKEND).
 */

import type { MonitorTerm } from '../model/traffic.ts';
import { didYouMean } from '../suggest.ts';
import { hasBackend, type MonitorTermDraft, type ProxyDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { parseInteger } from './values.ts';

/** Conditions of one page. */
const CONDITIONS_MAX = 64;
/** More servers than any backend has. */
const SERVERS_MAX = 1_000_000;

const OPERATORS = ['eq', 'ge', 'gt', 'le', 'lt'] as const;

type Terms = readonly MonitorTermDraft[];

function refuse(report: Report, place: Word): null {
  const text =
    `"monitor fail" with "${place.text}" is not supported: say "if" or "unless" and how many servers, ` +
    'as in "if { nbsrv(BACKEND) lt 1 }"';
  report.error(place, 'unsupported-directive', text);
  return null;
}

/** The term that `words` begin with, `{ nbsrv(B) lt 1 }` or `!{ ... }`; null after an error. */
function parseTerm(report: Report, words: readonly Word[]): MonitorTermDraft | null {
  const [open, fetch, ...rest] = words;
  if (open === undefined) return null;
  if ((open.text !== '{' && open.text !== '!{') || fetch === undefined) return refuse(report, open);
  const backend = /^nbsrv\(([^()]+)\)$/.exec(fetch.text)?.[1];
  if (backend === undefined) return refuse(report, fetch);
  const named = OPERATORS.find((operator) => operator === rest[0]?.text);
  const [number, close] = named === undefined ? rest : rest.slice(1);
  if (number === undefined || close?.text !== '}') return refuse(report, close ?? number ?? fetch);
  const servers = parseInteger(number.text, 0, SERVERS_MAX);
  if (!servers.ok) {
    report.error(number, 'bad-value', `"nbsrv": ${servers.reason}`);
    return null;
  }
  const negated = open.text === '!{';
  return { backend, is: named ?? 'eq', servers: servers.value, negated, place: fetch };
}

/** Groups of terms, parted by `or`; null after an error. */
function parseCondition(report: Report, words: readonly Word[]): readonly Terms[] | null {
  const groups: MonitorTermDraft[][] = [[]];
  let left = words;
  while (left.length > 0) {
    const [first] = left;
    if (first?.text === 'or' || first?.text === '||') {
      groups.push([]);
      left = left.slice(1);
      continue;
    }
    const term = parseTerm(report, left);
    if (term === null) return null;
    groups.at(-1)?.push(term);
    const end = left.findIndex((word) => word.text === '}');
    left = left.slice(end + 1);
  }
  const [last] = words.slice(-1);
  return groups.some((group) => group.length === 0) && last !== undefined
    ? refuse(report, last)
    : groups;
}

/** "unless A B or C" fails when neither "A and B" nor C holds: each choice of one term of each, negated. */
function negate(groups: readonly Terms[]): readonly Terms[] {
  return groups.reduce<readonly Terms[]>(
    (chosen, group) =>
      chosen.flatMap((terms) =>
        group.map((term) => [...terms, { ...term, negated: !term.negated }]),
      ),
    [[]],
  );
}

/** Notes one `monitor fail` line; any of several makes the monitor fail. */
export function convertMonitorFail(report: Report, draft: ProxyDraft, call: Call): void {
  const [when, ...words] = call.args;
  if (when === undefined) return;
  if ((when.text !== 'if' && when.text !== 'unless') || words.length === 0) {
    refuse(report, when);
    return;
  }
  const groups = parseCondition(report, words);
  if (groups === null) return;
  const conditions = when.text === 'if' ? groups : negate(groups);
  if (draft.monitorFail.length + conditions.length > CONDITIONS_MAX) {
    const text = `"${draft.name}" has more than ${CONDITIONS_MAX} conditions for "monitor fail"`;
    report.error(when, 'bad-value', text);
    return;
  }
  draft.monitorFail = [...draft.monitorFail, ...conditions];
}

/** The conditions, once their backends are known to exist. */
export function buildMonitorFail(
  report: Report,
  proxies: readonly ProxyDraft[],
  draft: ProxyDraft,
): { readonly monitorFail?: readonly (readonly MonitorTerm[])[] } {
  const [first] = draft.monitorFail[0] ?? [];
  if (first === undefined) return {};
  if (draft.monitorUri === null) {
    const text = `"monitor fail" is ignored in "${draft.name}": it has no "monitor-uri"`;
    report.warning(first.place, 'ignored-directive', text);
    return {};
  }
  const backends = proxies
    .filter((each) => hasBackend(each) && each.omitted === null)
    .map(({ name }) => name);
  for (const { backend, place } of draft.monitorFail.flat()) {
    if (backends.includes(backend)) continue;
    const text = `No backend is called "${backend}"${didYouMean(backend, backends)}`;
    report.error(place, 'unknown-name', text);
  }
  const strip = ({ place, ...term }: MonitorTermDraft): MonitorTerm => term;
  return { monitorFail: draft.monitorFail.map((terms) => terms.map(strip)) };
}
