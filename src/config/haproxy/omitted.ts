/**
 * Proxies that do not run: those the file disables, those whose traffic is HTTP, and those that the caller
 * leaves out, which is the way to run a file that has some.
 */

import type { Diagnostic } from '../diagnostics.ts';
import { didYouMean } from '../suggest.ts';
import { createDraft, namedBackend, type ProxyDraft, type ProxyKind } from './draft.ts';
import type { Word } from './lexer.ts';
import { type Report, WHOLE_FILE } from './report.ts';

/** "Frontend", as a sentence begins. */
function kindWord(kind: ProxyKind): string {
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
}

/** Whether a `mode http` proxy is more than a page of ours: it balances, redirects, or answers by rules. */
function carriesHttp(draft: ProxyDraft): boolean {
  if (draft.mode.value !== 'http' || draft.kind === 'defaults') return false;
  const { stats, monitorUri, metricsPath, servers } = draft;
  const page = stats ?? monitorUri ?? metricsPath;
  const balances =
    servers.length > 0 || namedBackend(draft) !== null || draft.access.routes.length > 0;
  return draft.kind === 'backend' || balances || page === null;
}

/**
 * What is left to say of a proxy once its lines are read. One that will not run has no use for what single
 * lines lack: HTTP is refused once, with the words that make the file run without it.
 */
export function judgeProxy(
  draft: ProxyDraft,
  said: readonly Diagnostic[],
  file: string,
): readonly Diagnostic[] {
  const wrong = said.filter(
    ({ severity, code }) => severity === 'error' && code !== 'unsupported-directive',
  );
  if (draft.omitted === 'disabled' && draft.kind !== 'defaults') return wrong;
  if (!carriesHttp(draft)) return said;
  draft.omitted = 'http';
  const text =
    `${kindWord(draft.kind)} "${draft.name}" is in mode http, and Evergate carries TCP: say "mode tcp" where ` +
    `connections are only to be passed on, or run without it: --leave-out ${draft.name}`;
  const { line, column } = draft.place;
  return [...wrong, { file, line, column, severity: 'error', text, code: 'unsupported-directive' }];
}

/** A proxy of which nothing but its name is read. */
export function leaveOut(report: Report, kind: ProxyKind, name: Word): ProxyDraft {
  const text = `${kindWord(kind)} "${name.text}" is left out, as --leave-out says`;
  report.warning(name, 'ignored-directive', text);
  return { ...createDraft(kind, name.text, name), omitted: 'left-out' };
}

/** Sentences for the status about what does not run, in the order of the file. */
export function noteLeftOut(proxies: readonly ProxyDraft[]): readonly string[] {
  return proxies
    .filter(({ omitted }) => omitted === 'left-out')
    .map(({ kind, name }) => `${kindWord(kind)} "${name}" is left out, as --leave-out says`);
}

/** A name that has gone from the file does no harm; a wrong one does not do what it should. */
export function reportUnknownNames(
  report: Report,
  proxies: readonly ProxyDraft[],
  names: readonly string[],
): void {
  const known = proxies.map(({ name }) => name);
  for (const name of names.filter((each) => !known.includes(each))) {
    const text = `No proxy is called "${name}", which --leave-out names${didYouMean(name, known)}`;
    report.warning(WHOLE_FILE, 'unknown-name', text);
  }
}
