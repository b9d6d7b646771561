/** From drafts of rules to the model, once every section is read: what they name has to exist. */

import type { ConnectionRule, SourceCounter, SourceTable } from '../../model/conditions.ts';
import type { BackendConfig, FrontendConfig } from '../../model/traffic.ts';
import { didYouMean } from '../../suggest.ts';
import { hasBackend, hasFrontend, type ProxyDraft } from '../draft.ts';
import type { Report } from '../report.ts';
import type { Reference, RuleDraft } from './rule-draft.ts';

type FrontendRules = Pick<
  FrontendConfig,
  'connectionRules' | 'sessionRules' | 'inspection' | 'routes'
>;

/** Of a proxy that accepts clients. */
export function buildFrontendRules({ access, useBackend }: ProxyDraft): FrontendRules {
  const connectionRules = access.connection.map(({ rule }) => rule);
  const sessionRules = access.session.map(({ rule }) => rule);
  // Behind the one without a condition none is asked.
  const routes = access.routes.filter(
    ({ backend }) => useBackend === null || backend.line < useBackend.line,
  );
  return {
    ...(connectionRules.length === 0 ? {} : { connectionRules }),
    ...(sessionRules.length === 0 ? {} : { sessionRules }),
    ...buildInspection(access.content, access.inspectDelay?.value ?? 0),
    ...(routes.length === 0
      ? {}
      : { routes: routes.map(({ backend, when }) => ({ backend: backend.text, when })) }),
  };
}

/** Of a proxy that has servers. */
export function buildBackendRules({ access }: ProxyDraft): Pick<BackendConfig, 'inspection'> {
  return buildInspection(access.content, access.inspectDelay?.value ?? 0);
}

function buildInspection(
  content: readonly RuleDraft[],
  delayMs: number,
): Pick<BackendConfig, 'inspection'> {
  if (content.length === 0) return {};
  const rules: readonly ConnectionRule[] = content.map(({ rule }) => rule);
  return { inspection: { delayMs, rules } };
}

/** Rules of TCP proxies that run. */
function referencesOf({ access }: ProxyDraft): readonly Reference[] {
  return [...access.connection, ...access.session, ...access.content, ...access.routes].flatMap(
    ({ references }) => references,
  );
}

/** The tables that rules use. Reports names that lead nowhere, and tables that nobody uses. */
export function buildTables(
  report: Report,
  proxies: readonly ProxyDraft[],
): readonly SourceTable[] {
  const references = proxies.flatMap(referencesOf);
  const backends = proxies.filter(hasBackend).map(({ name }) => name);
  const tables = proxies.filter(({ stickTable }) => stickTable !== null);
  for (const reference of references) {
    if (reference.kind === 'table') judgeTable(report, tables, reference);
    else if (!backends.includes(reference.name)) {
      const text = `No backend is called "${reference.name}"${didYouMean(reference.name, backends)}`;
      report.error(reference.place, 'unknown-name', text);
    }
  }
  const used = new Set(references.flatMap(({ kind, name }) => (kind === 'table' ? [name] : [])));
  return tables.flatMap((proxy) => {
    if (used.has(proxy.name)) return buildTable(proxy);
    warnOfUnused(report, proxy);
    return [];
  });
}

function judgeTable(
  report: Report,
  tables: readonly ProxyDraft[],
  { name, counter, place }: Extract<Reference, { kind: 'table' }>,
): void {
  const table = tables.find((proxy) => proxy.name === name)?.stickTable ?? null;
  if (table === null) {
    const names = tables.map((proxy) => proxy.name);
    const text = `"${name}" has no "stick-table" to count in${didYouMean(name, names)}`;
    report.error(place, 'unknown-name', text);
  } else if (table.sources === null) {
    const text = `The table of "${name}" is not one of addresses: say "stick-table type ip size 200k expire 30m"`;
    report.error(place, 'unsupported-directive', text);
  } else if (counter !== null && !table.counts.includes(counter)) {
    const text = `"${place.text}" never matches: the table of "${name}" does not store that`;
    report.warning(place, 'missing-value', text);
  }
}

function buildTable({ name, stickTable }: ProxyDraft): readonly SourceTable[] {
  if (stickTable === null || stickTable.sources === null) return [];
  const { sources, family, idleMs, periodMs, counts } = stickTable;
  return [{ name, family, sources, idleMs, periodMs, counts: counts as readonly SourceCounter[] }];
}

function warnOfUnused(report: Report, { stickTable, stickMatch, stickStore }: ProxyDraft): void {
  if (stickTable === null || stickMatch !== null || stickStore !== null) return;
  const text = '"stick-table" is ignored: a stick table only matters to the rules that use it';
  report.warning(stickTable.place, 'ignored-directive', text);
}

/** Whether a section is there for its table alone. */
export function isTableOnly({ kind, servers, stickTable }: ProxyDraft): boolean {
  return kind === 'backend' && servers.length === 0 && stickTable !== null;
}

/** Says what of the rules a page would leave out, and its readers might rely on. */
export function refuseRulesOnPage(report: Report, draft: ProxyDraft): void {
  if (!hasFrontend(draft)) return;
  const { connection, session, content } = draft.access;
  const [rule] = [...connection, ...session, ...content];
  if (rule === undefined) return;
  const text = `"tcp-request" is not supported in "${draft.name}", which serves a page`;
  report.error(rule.place, 'unsupported-directive', text);
}
