/** `resolvers` sections (configuration manual section 5.3.2). */

import type { HoldConfig, ResolversConfig } from '../../model/names.ts';
import { parseEndpoint } from '../address.ts';
import type { Word } from '../lexer.ts';
import type { Section } from '../parser.ts';
import type { Report } from '../report.ts';
import { type Call, findCall, mayConvert } from '../scope.ts';
import { isProxyName, parseInteger, parseTimeMs } from '../values.ts';
import { RESOLVERS_DIRECTIVES } from './directives.ts';

/** HAProxy makes this one by itself where a server names it and the file does not. */
export const DEFAULT_RESOLVERS = 'default';

const NAMESERVERS_MAX = 64;
const RETRIES_MAX = 1000;
/** Asking more often is no answer sooner. */
const INTERVAL_MS_MIN = 100;
const RETRY_MS_MIN = 50;

type ResolversDraft = { -readonly [Key in keyof ResolversConfig]: ResolversConfig[Key] };

/** With HAProxy's defaults (resolvers.c, resolvers_new). */
export function createResolvers(name: string): ResolversConfig {
  return {
    name,
    nameservers: [],
    systemNameservers: false,
    intervalMs: 1000,
    retries: 3,
    retryMs: 1000,
    holdMs: { nx: 30_000, refused: 30_000, timeout: 30_000, other: 30_000, obsolete: 0 },
  };
}

type Converter = (report: Report, draft: ResolversDraft, call: Call, word: Word) => void;

/** `nameserver <name> <address>:<port>` */
function convertNameserver(report: Report, draft: ResolversDraft, call: Call, name: Word): void {
  const place = call.args[1] ?? name;
  const parsed = parseEndpoint(place.text.replace(/^tcp@/, ''));
  const endpoint = parsed.ok ? parsed.value : null;
  const isAddress = endpoint?.kind === 'ipv4' || endpoint?.kind === 'ipv6';
  const port = parseInteger(isAddress ? (endpoint.port ?? '') : '', 1, 65_535);
  if (!isProxyName(name.text)) {
    report.error(name, 'bad-value', `"${name.text}" is no name of a name server`);
  } else if (!isAddress || !port.ok) {
    const text = `"${place.text}" is no address of a name server; write it as 10.0.0.53:53`;
    report.error(place, 'bad-value', text);
  } else if (draft.nameservers.some((each) => each.name === name.text)) {
    const text = `Name server "${name.text}" is in "${draft.name}" already; rename one`;
    report.error(name, 'duplicate-name', text);
  } else if (draft.nameservers.length >= NAMESERVERS_MAX) {
    const text = `"${draft.name}" has more than ${NAMESERVERS_MAX} name servers`;
    report.error(name, 'bad-value', text);
  } else {
    const server = { name: name.text, host: endpoint.host, port: port.value };
    draft.nameservers = [...draft.nameservers, server];
    if (!place.text.startsWith('tcp@')) return;
    const text = `"${place.text}" is asked over UDP first, and over TCP what is too long for that`;
    report.warning(place, 'ignored-directive', text);
  }
}

function isHoldEvent(text: string): text is keyof HoldConfig {
  return ['nx', 'refused', 'timeout', 'other', 'obsolete'].includes(text);
}

/** `hold <event> <time>` */
function convertHold(report: Report, draft: ResolversDraft, call: Call, event: Word): void {
  const word = call.args[1] ?? event;
  const parsed = parseTimeMs(word.text);
  if (!parsed.ok) report.error(word, 'bad-value', `"hold": ${parsed.reason}`);
  else if (isHoldEvent(event.text)) {
    draft.holdMs = { ...draft.holdMs, [event.text]: parsed.value };
  } else if (event.text === 'valid') {
    const text =
      '"hold valid" is ignored: names of servers are asked for by "timeout resolve", as in HAProxy';
    report.warning(event, 'ignored-directive', text);
  } else {
    const text = `"${event.text}" is nothing to hold on; use nx, refused, timeout, other, valid or obsolete`;
    report.error(event, 'bad-value', text);
  }
}

function convertTimeout(report: Report, draft: ResolversDraft, call: Call, word: Word): void {
  const parsed = parseTimeMs(word.text);
  if (!parsed.ok) {
    report.error(word, 'bad-value', `"${call.name}": ${parsed.reason}`);
  } else if (call.name === 'timeout resolve') {
    draft.intervalMs = Math.max(parsed.value, INTERVAL_MS_MIN);
  } else {
    draft.retryMs = Math.max(parsed.value, RETRY_MS_MIN);
  }
}

const CONVERTERS: Readonly<Record<string, Converter>> = {
  nameserver: convertNameserver,
  hold: convertHold,
  'timeout resolve': convertTimeout,
  'timeout retry': convertTimeout,
  resolve_retries: (report, draft, call, word) => {
    const value = parseInteger(word.text, 0, RETRIES_MAX);
    if (value.ok) draft.retries = Math.max(1, value.value);
    else report.error(word, 'bad-value', `"${call.name}": ${value.reason}`);
  },
  'parse-resolv-conf': (_report, draft) => {
    draft.systemNameservers = true;
  },
};

/** The section with what it says; `others`: those before it. null: it has no name of its own. */
export function convertResolvers(
  report: Report,
  others: readonly ResolversConfig[],
  { keyword, args, lines }: Section,
): ResolversConfig | null {
  const [name] = args;
  if (name === undefined) {
    report.error(keyword, 'missing-value', '"resolvers" needs a name after it');
    return null;
  }
  if (!isProxyName(name.text)) {
    const text = `"${name.text}" is no name of a section; use letters, digits, "-", "_", "." and ":"`;
    report.error(name, 'bad-value', text);
  }
  if (others.some((each) => each.name === name.text)) {
    const text = `Another "resolvers" section is called "${name.text}"; rename one`;
    report.error(name, 'duplicate-name', text);
  }
  const draft: ResolversDraft = { ...createResolvers(name.text) };
  for (const line of lines) {
    const found = findCall(report, RESOLVERS_DIRECTIVES, line, 'a resolvers section');
    if (found === null || !mayConvert(report, found)) continue;
    const { call } = found;
    CONVERTERS[call.name]?.(report, draft, call, call.args[0] ?? line.first);
  }
  return draft;
}
