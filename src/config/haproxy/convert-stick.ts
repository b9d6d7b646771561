/**
 * `stick-table` and `stick on src`, or its halves: a source goes where it went before (configuration manual sections 4.2 and
 * 11.1). Tables of other things than addresses, and other rules over them, only matter to what is not read.
 */

import type { SourceCounter } from '../model/conditions.ts';
import type { BackendConfig } from '../model/traffic.ts';
import type { ProxyDraft, StickTableDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { parseTimeMs } from './values.ts';

/** Sources one table may remember; each takes 8 bytes. */
const SOURCES_MAX = 4_194_304;

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 };

/** A number with k, m or g after it, in powers of 1024; null: it is none. */
function parseSize(text: string): number | null {
  const [, digits, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(text) ?? [];
  if (digits === undefined) return null;
  return Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1);
}

/** The word behind `keyword`. */
function wordAfter(args: readonly Word[], keyword: string): Word | null {
  const at = args.findIndex((word) => word.text === keyword);
  return at === -1 ? null : (args[at + 1] ?? null);
}

const COUNTS: Readonly<Record<string, SourceCounter>> = {
  conn_cur: 'current',
  conn_rate: 'rate',
  conn_cnt: 'total',
};

/** Of `store conn_cur,conn_rate(3s)`, what rules here may ask for; the rest is what HAProxy alone keeps. */
function readStored(
  report: Report,
  args: readonly Word[],
): Pick<StickTableDraft, 'counts' | 'periodMs'> {
  const counts: SourceCounter[] = [];
  let periodMs = 1;
  for (const [index, word] of args.entries()) {
    if (args[index - 1]?.text !== 'store') continue;
    for (const item of word.text.split(/,(?![^(]*\))/)) {
      const [, name = '', period] = /^([^(]*)(?:\((.*)\))?$/.exec(item) ?? [];
      const counter = COUNTS[name];
      if (counter === undefined) continue;
      counts.push(counter);
      if (counter !== 'rate') continue;
      const parsed = parseTimeMs(period ?? '');
      if (parsed.ok && parsed.value > 0) periodMs = parsed.value;
      else {
        const text = `"stick-table": "${item}" needs a period in parentheses, as in conn_rate(3s)`;
        report.error(word, 'bad-value', text);
      }
    }
  }
  return { counts, periodMs };
}

/** `stick-table type ip size 200k [expire 30m] [nopurge] [store ...]`. */
export function convertStickTable(report: Report, draft: ProxyDraft, call: Call): void {
  const { args, place } = call;
  const [type, size, expire] = ['type', 'size', 'expire'].map((name) => wordAfter(args, name));
  if (!type || !size) {
    const text = '"stick-table" needs a type and a size, as in "stick-table type ip size 200k"';
    report.error(place, 'missing-value', text);
    return;
  }
  const sources = parseSize(size.text);
  if (sources === null || sources === 0) {
    const text = `"stick-table": "${size.text}" is no size; write a whole number, perhaps with k or m`;
    report.error(size, 'bad-value', text);
    return;
  }
  const idle = expire ? parseTimeMs(expire.text) : null;
  if (expire && idle !== null && !idle.ok) {
    report.error(expire, 'bad-value', `"stick-table": ${idle.reason}`);
    return;
  }
  const addresses = type.text === 'ip' || type.text === 'ipv6';
  if (addresses && sources > SOURCES_MAX) {
    const text = `The table remembers ${SOURCES_MAX} sources and forgets those that were silent longest`;
    report.warning(size, 'unsupported-directive', text);
  }
  draft.stickTable = {
    place,
    sources: addresses ? Math.min(sources, SOURCES_MAX) : null,
    family: type.text === 'ipv6' ? 'ipv6' : 'ipv4',
    idleMs: idle?.ok ? idle.value : 0,
    ...readStored(report, args),
  };
}

/** `stick on src`, or its halves `match` and `store-request`; everything else is refused. */
export function convertStick(report: Report, draft: ProxyDraft, call: Call): void {
  const [fetch, extra] = call.args;
  if (fetch?.text === 'src' && extra === undefined) {
    if (call.name !== 'stick store-request') draft.stickMatch = call.place;
    if (call.name !== 'stick match') draft.stickStore = call.place;
    return;
  }
  const odd = fetch?.text === 'src' ? extra : fetch;
  const text =
    `"${call.name}" with "${odd?.text}" is not supported: say "stick on src" beside a "stick-table" of its own, ` +
    'or "balance source"';
  report.error(odd ?? call.place, 'unsupported-directive', text);
}

/** Says what of a proxy's table is without a use, once its lines are read. */
export function settleStick(report: Report, draft: ProxyDraft): void {
  const { stickTable, stickMatch, stickStore } = draft;
  const rule = stickMatch ?? stickStore;
  if (rule === null) return;
  if (stickTable === null || stickTable.sources === null) {
    const text =
      '"stick on src" needs a table of addresses: add "stick-table type ip size 200k expire 30m"';
    report.error(rule, 'missing-value', text);
  } else if (stickStore === null) {
    const text =
      '"stick match" has no effect: nothing stores into its table; say "stick on src", which does both';
    report.warning(rule, 'ignored-directive', text);
  } else if (stickMatch === null) {
    const text =
      '"stick store-request" has no effect: nothing looks into its table; say "stick on src", which does both';
    report.warning(rule, 'ignored-directive', text);
  }
}

/** What the backend does with sources that come again. */
export function buildStick({
  stickTable,
  stickMatch,
  stickStore,
}: ProxyDraft): Pick<BackendConfig, 'stickySources'> {
  if (stickMatch === null || stickStore === null) return {};
  if (stickTable === null || stickTable.sources === null) return {};
  return { stickySources: { sources: stickTable.sources, idleMs: stickTable.idleMs } };
}
