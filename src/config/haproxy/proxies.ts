/** Section headers: names, `from`, and which `defaults` a proxy starts from (manual section 4). */

import type { ResolversConfig } from '../model/names.ts';
import type { LogTarget } from '../model/process.ts';
import { didYouMean } from '../suggest.ts';
import { convertGlobal, createGlobalDraft, type GlobalDraft } from './convert-global.ts';
import { convertProxyLines } from './convert-proxy.ts';
import {
  createDraft,
  hasBackend,
  hasFrontend,
  inheritDraft,
  type ProxyDraft,
  type ProxyKind,
} from './draft.ts';
import type { Word } from './lexer.ts';
import { convertResolvers } from './names/resolvers.ts';
import { judgeProxy, leaveOut } from './omitted.ts';
import { LINES_MAX, type Section } from './parser.ts';
import { createReport, type Report } from './report.ts';
import { isProxyName } from './values.ts';

/** Proxies one file may have. */
const PROXIES_MAX = 1_024;

/** More than the lines of a section earn: what is too much for a reader the whole report leaves out. */
const SECTION_DIAGNOSTICS_MAX = 4 * LINES_MAX;

export type Drafts = {
  readonly global: GlobalDraft;
  readonly proxies: readonly ProxyDraft[];
  readonly resolvers: readonly ResolversConfig[];
};

type Header = { readonly name: Word | null; readonly from: Word | null };

/** `[name] [from <defaults>]`; null after an error. */
function parseHeader(report: Report, section: Section): Header | null {
  const { keyword, args } = section;
  const fromAt = args.findIndex((word) => word.text === 'from');
  const before = fromAt < 0 ? args : args.slice(0, fromAt);
  const after = fromAt < 0 ? [] : args.slice(fromAt + 1);
  const [name = null, extra] = before;
  const [from = null, tail] = after;
  const surplus = extra ?? tail;
  if (surplus !== undefined) {
    const hint = surplus.text.includes(':') ? '; addresses belong into "bind" lines' : '';
    const text = `"${surplus.text}" is one word too many after "${keyword.text}"${hint}`;
    report.error(surplus, 'syntax-error', text);
    return null;
  }
  if (fromAt >= 0 && from === null) {
    report.error(keyword, 'missing-value', '"from" needs the name of a defaults section');
    return null;
  }
  if (name === null && keyword.text !== 'defaults') {
    report.error(keyword, 'missing-value', `"${keyword.text}" needs a name after it`);
    return null;
  }
  if (name !== null && keyword.text !== 'defaults' && !isProxyName(name.text)) {
    const text = `"${name.text}" is no proxy name; use letters, digits, "-", "_", "." and ":"`;
    report.error(name, 'bad-value', text);
  }
  return { name, from };
}

type State = {
  readonly report: Report;
  readonly global: GlobalDraft;
  readonly defaults: ProxyDraft[];
  readonly proxies: ProxyDraft[];
  /** Names of proxies that are to be left out. */
  readonly leaveOut: ReadonlySet<string>;
};

/** The `defaults` a section starts from: the one it names, else the last one before it. */
function parentOf(state: State, kind: ProxyKind, from: Word | null): ProxyDraft | null {
  const { report, defaults } = state;
  if (from === null) return kind === 'defaults' ? null : (defaults.at(-1) ?? null);
  const named = defaults.filter((each) => each.name === from.text);
  if (named.length > 1) {
    const text = `Several defaults sections are called "${from.text}"; rename all but one`;
    report.error(from, 'duplicate-name', text);
  } else if (named.length === 0) {
    const hint = didYouMean(
      from.text,
      defaults.map((each) => each.name),
    );
    const text = `No defaults section before this line is called "${from.text}"${hint}`;
    report.error(from, 'unknown-name', text);
  }
  return named[0] ?? null;
}

/** Two proxies may share a name only when one is a frontend and the other a backend. */
function reportTwin(state: State, draft: ProxyDraft): void {
  const twin = state.proxies.find(
    (each) =>
      each.name === draft.name &&
      ((hasFrontend(each) && hasFrontend(draft)) || (hasBackend(each) && hasBackend(draft))),
  );
  if (twin === undefined) return;
  const where = `the ${twin.kind} in line ${twin.place.line}`;
  const text = `"${draft.name}" is the name of ${where} already; rename one`;
  state.report.error(draft.place, 'duplicate-name', text);
}

function readProxy(state: State, kind: ProxyKind, section: Section): void {
  const { report, global } = state;
  const header = parseHeader(report, section);
  if (header === null) return;
  if (kind !== 'defaults' && header.name !== null && state.leaveOut.has(header.name.text)) {
    state.proxies.push(leaveOut(report, kind, header.name));
    return;
  }
  const place = header.name ?? section.keyword;
  const name = header.name?.text ?? '';
  const parent = parentOf(state, kind, header.from);
  const draft =
    parent === null ? createDraft(kind, name, place) : inheritDraft(parent, kind, name, place);
  const globalLogs: readonly LogTarget[] = global.logs;
  const said = createReport(report.file, SECTION_DIAGNOSTICS_MAX);
  convertProxyLines({ report: said, draft, globalLogs }, section);
  report.add(judgeProxy(draft, said.diagnostics(), report.file));
  if (kind === 'defaults') {
    state.defaults.push(draft);
    return;
  }
  reportTwin(state, draft);
  state.proxies.push(draft);
}

/**
 * Reads all sections into drafts, in the order of the file, as inheritance asks for. `leaveOut` names proxies
 * that stay empty and are omitted.
 */
export function readDrafts(
  report: Report,
  sections: readonly Section[],
  leaveOut: ReadonlySet<string>,
): Drafts {
  const resolvers: ResolversConfig[] = [];
  const state: State = {
    report,
    global: createGlobalDraft(),
    defaults: [],
    proxies: [],
    leaveOut,
  };
  for (const section of sections) {
    const keyword = section.keyword.text;
    if (keyword === 'global') {
      convertGlobal(report, state.global, section);
    } else if (keyword === 'resolvers') {
      const converted = convertResolvers(report, resolvers, section);
      if (converted !== null) resolvers.push(converted);
    } else if (
      keyword === 'defaults' ||
      keyword === 'frontend' ||
      keyword === 'listen' ||
      keyword === 'backend'
    ) {
      if (state.proxies.length + state.defaults.length >= PROXIES_MAX) {
        const text = `The file has more than ${PROXIES_MAX} proxies; the rest is not read`;
        report.error(section.keyword, 'syntax-error', text);
        break;
      }
      readProxy(state, keyword, section);
    }
  }
  return { global: state.global, proxies: state.proxies, resolvers };
}
