/** `acl`, `tcp-request` and `use_backend ... if` lines into drafts (configuration manual sections 4.2 and 7). */

import {
  ALWAYS,
  type Condition,
  type ConnectionRule,
  type TrackPlace,
} from '../../model/conditions.ts';
import type { ProxyDraft } from '../draft.ts';
import type { Word } from '../lexer.ts';
import type { Report } from '../report.ts';
import type { Call } from '../scope.ts';
import { parseTimeMs } from '../values.ts';
import { type ConditionScope, readCondition, readExpression } from './condition.ts';
import type { AclDraft, ConditionDraft, Reference } from './rule-draft.ts';

/** Lines of one proxy. */
const ACLS_MAX = 1_024;
/** Of one kind, of one proxy. */
const RULES_MAX = 256;
/** Values that the rules of one proxy compare with, those of an ACL once for each rule that uses it. */
const VALUES_MAX = 16_384;

const UNCONDITIONAL: ConditionDraft = { condition: ALWAYS, references: [], listens: null };

/** `acl NAME FETCH ...`. What is not read matters to the rules that use it. */
export function convertAcl(report: Report, draft: ProxyDraft, call: Call): void {
  const [name, fetch, ...words] = call.args;
  if (name === undefined || fetch === undefined) return;
  if (!/^[A-Za-z0-9_.:-]+$/.test(name.text) || name.text.toLowerCase() === 'or') {
    const text = `"${name.text}" is no name of an ACL; use letters, digits, "-", "_", "." and ":", and not "or"`;
    report.error(name, 'bad-value', text);
    return;
  }
  if (draft.access.acls.length >= ACLS_MAX) {
    report.error(call.place, 'bad-value', `"${draft.name}" has more than ${ACLS_MAX} ACL lines`);
    return;
  }
  const expression = readExpression(report, draft.name, fetch, words);
  if (expression.kind === 'wrong') {
    report.error(expression.place, 'bad-value', expression.text);
    return;
  }
  const acl: AclDraft = {
    name: name.text,
    place: call.place,
    expression:
      expression.kind === 'read' ? expression.draft : { tests: [], references: [], listens: null },
    unread: expression.kind === 'read' ? null : expression.why,
  };
  draft.access = { ...draft.access, acls: [...draft.access.acls, acl] };
}

/** What stands behind an action; null after an error. `early`: before a client has said anything. */
function readWhen(
  report: Report,
  draft: ProxyDraft,
  words: readonly Word[],
  early: string | null,
): ConditionDraft | null {
  const [when, ...rest] = words;
  if (when === undefined) return UNCONDITIONAL;
  if (when.text !== 'if' && when.text !== 'unless') {
    const text = `"${when.text}" stands where a condition is expected; begin it with "if" or "unless"`;
    report.error(when, 'syntax-error', text);
    return null;
  }
  const scope: ConditionScope = {
    report,
    proxy: draft.name,
    acls: draft.access.acls,
    use: (name) => {
      draft.access = { ...draft.access, used: new Set([...draft.access.used, name]) };
    },
  };
  const read = readCondition(scope, rest, when.text === 'unless');
  if (read === null) return null;
  if (rest.length === 0) {
    const outcome = when.text === 'if' ? 'never holds' : 'always holds';
    report.warning(
      when,
      'missing-value',
      `"${when.text}" has no condition behind it and ${outcome}`,
    );
  }
  const { listens } = read;
  if (early !== null && listens !== null) {
    const place = listens.line === 0 ? when : listens;
    const text = `"${listens.text}" never matches in "${early}": the client has not said anything yet`;
    report.warning(place, 'ignored-directive', text);
  }
  return read;
}

/** Whether the rules of the proxy compare with no more than they may. */
function fits(
  report: Report,
  draft: ProxyDraft,
  place: Word | Call['place'],
  more: Condition,
): boolean {
  const { connection, session, content, routes } = draft.access;
  const conditions = [
    more,
    ...[...connection, ...session, ...content].map(({ rule }) => rule.when),
    ...routes.map(({ when }) => when),
  ];
  const values = conditions.reduce((sum, condition) => sum + valuesOf(condition), 0);
  if (values <= VALUES_MAX) return true;
  const text = `The rules of "${draft.name}" compare with more than ${VALUES_MAX} values; the ACLs of each rule count`;
  report.error(place, 'bad-value', text);
  return false;
}

function valuesOf({ anyOf }: Condition): number {
  const tests = anyOf.flat().flatMap((term) => term.tests);
  return tests.reduce((sum, { match }) => {
    if (match.kind === 'networks') return sum + match.networks.length;
    if (match.kind === 'numbers') return sum + match.ranges.length;
    return sum + (match.kind === 'texts' ? match.patterns.length : 1);
  }, 0);
}

// --- tcp-request ----------------------------------------------------------------------------------

type Kind = 'connection' | 'session' | 'content';

/** Actions that traffic goes the same ways without. */
const LOST =
  /^(capture|set-log-level|set-nice|set-mark|set-tos|set-var(-fmt)?(\(.*\))?|unset-var\(.*\)|sc-(inc|add)-gpc[01]?(\(.*\))?|sc-set-gpt0?(\(.*\))?|set-priority-(class|offset)|send-spoe-group)$/;

/** `tcp-request connection|session|content ACTION [if|unless CONDITION]`. */
export function convertRule(report: Report, draft: ProxyDraft, call: Call, action: Word): void {
  const kind = call.name.slice('tcp-request '.length) as Kind;
  const read = readAction(report, draft, call, action);
  if (read === null) return;
  const early = kind === 'content' ? null : call.name;
  const when = readWhen(report, draft, read.rest, early);
  if (when === null) return;
  const rules = draft.access[kind];
  if (rules.length >= RULES_MAX) {
    const text = `"${draft.name}" has more than ${RULES_MAX} rules of "${call.name}"`;
    report.error(action, 'bad-value', text);
    return;
  }
  if (!fits(report, draft, action, when.condition)) return;
  const rule = {
    rule: { ...read.action, when: when.condition },
    references: [...read.references, ...when.references],
    place: call.place,
  };
  draft.access = { ...draft.access, [kind]: [...rules, rule] };
}

type Action = {
  readonly action:
    | { readonly action: 'accept' | 'reject' }
    | Omit<Extract<ConnectionRule, { action: 'track' }>, 'when'>;
  readonly references: readonly Reference[];
  /** What stands behind it. */
  readonly rest: readonly Word[];
};

/** null: there is none to go by, or an error. */
function readAction(report: Report, draft: ProxyDraft, call: Call, word: Word): Action | null {
  const rest = call.args.slice(1);
  const full = `${call.name} ${word.text}`;
  if (word.text === 'accept' || word.text === 'reject') {
    return { action: { action: word.text }, references: [], rest };
  }
  if (word.text === 'silent-drop') {
    const text = `"${full}" counts as "reject": the client is told that it was turned away`;
    report.warning(word, 'unsupported-directive', text);
    const condition = rest.findIndex(({ text }) => text === 'if' || text === 'unless');
    return {
      action: { action: 'reject' },
      references: [],
      rest: condition === -1 ? [] : rest.slice(condition),
    };
  }
  const place = /^track-sc([0-2])$/.exec(word.text)?.[1];
  if (place !== undefined) {
    return readTrack(report, draft, word, Number(place) as TrackPlace, rest);
  }
  if (LOST.test(word.text)) {
    const text = `"${full}" is not supported and left out: no rule that is read asks for it`;
    report.warning(word, 'unsupported-directive', text);
    return null;
  }
  const text = `"${full}" is not supported: the actions are accept, reject and track-sc0 to track-sc2`;
  report.error(word, 'unsupported-directive', text);
  return null;
}

/** `track-sc0 src [table NAME]`. */
function readTrack(
  report: Report,
  draft: ProxyDraft,
  action: Word,
  place: TrackPlace,
  words: readonly Word[],
): Action | null {
  const [key, keyword, table] = words;
  if (key?.text !== 'src') {
    const text = `"${action.text}" is not supported but with "src": connections are counted by their source`;
    report.error(key ?? action, 'unsupported-directive', text);
    return null;
  }
  const named = keyword?.text === 'table';
  if (named && table === undefined) {
    report.error(
      keyword,
      'missing-value',
      '"table" needs the name of a proxy with a "stick-table"',
    );
    return null;
  }
  const name = named ? (table?.text ?? '') : draft.name;
  const where = named ? (table ?? action) : action;
  return {
    action: { action: 'track', place, table: name },
    references: [{ kind: 'table', name, counter: null, place: where }],
    rest: words.slice(named ? 3 : 1),
  };
}

/** `tcp-request inspect-delay TIME`. */
export function convertInspectDelay(
  report: Report,
  draft: ProxyDraft,
  call: Call,
  word: Word,
): void {
  const parsed = parseTimeMs(word.text);
  if (!parsed.ok) {
    report.error(word, 'bad-value', `"${call.name}": ${parsed.reason}`);
    return;
  }
  draft.access = { ...draft.access, inspectDelay: { value: parsed.value, place: call.place } };
}

// --- use_backend ----------------------------------------------------------------------------------

/** `use_backend NAME if|unless CONDITION`. */
export function convertRoute(report: Report, draft: ProxyDraft, call: Call, backend: Word): void {
  const when = readWhen(report, draft, call.args.slice(1), null);
  if (when === null) return;
  const { routes } = draft.access;
  if (routes.length >= RULES_MAX) {
    const text = `"${draft.name}" has more than ${RULES_MAX} "use_backend" lines`;
    report.error(call.place, 'bad-value', text);
    return;
  }
  if (!fits(report, draft, call.place, when.condition)) return;
  const route = { backend, when: when.condition, references: when.references };
  draft.access = { ...draft.access, routes: [...routes, route] };
}

/** Says what of a proxy's rules is without a use, once its lines are read. */
export function settleRules(report: Report, draft: ProxyDraft): void {
  const { acls, used, content, routes, inspectDelay } = draft.access;
  for (const { name, place } of acls) {
    if (used.has(name) || draft.kind === 'defaults') continue;
    const text = '"acl" is ignored: an ACL only matters to the rules that use it';
    report.warning(place, 'ignored-directive', text);
  }
  if (inspectDelay !== null && content.length === 0 && draft.kind !== 'defaults') {
    const text =
      '"tcp-request inspect-delay" is ignored: it only matters to rules of "tcp-request content"';
    report.warning(inspectDelay.place, 'ignored-directive', text);
  }
  const hurried = routes.find(({ when }) => asksForWords(when));
  if (hurried === undefined || draft.kind === 'backend') return;
  const waits =
    (inspectDelay?.value ?? 0) > 0 && content.some(({ rule }) => asksForWords(rule.when));
  if (waits) return;
  const text =
    `"use_backend ${hurried.backend.text}" asks what the client says, which may not have come yet: let it wait by ` +
    '"tcp-request inspect-delay 5s" and "tcp-request content accept if { req.ssl_hello_type 1 }"';
  report.warning(hurried.backend, 'missing-value', text);
}

function asksForWords({ anyOf }: Condition): boolean {
  const kinds = anyOf.flat().flatMap(({ tests }) => tests.map(({ fact }) => fact.kind));
  return kinds.some((kind) => ['hello-type', 'server-name', 'received', 'waited'].includes(kind));
}
