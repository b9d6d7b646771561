/** Sections `defaults`, `frontend`, `listen` and `backend`, line by line, into drafts. */

import {
  ALGORITHM_NAMES,
  algorithmOf,
  type BalanceConfig,
  isAlgorithmName,
} from '../../balance/algorithms.ts';
import type { LogTarget } from '../model/process.ts';
import { convertUseBackend, settleBackend } from './convert-backend.ts';
import { BINDS_MAX, convertBind } from './convert-bind.ts';
import {
  convertCheckConnect,
  convertCheckExpect,
  convertCheckSend,
  convertHttpchk,
} from './convert-check.ts';
import { convertKeepalive, convertKeepaliveValue } from './convert-connection.ts';
import { CONNECTIONS_MAX } from './convert-global.ts';
import { addLogTarget, convertLogTarget, refuseLogFlood } from './convert-log.ts';
import { convertMonitorFail } from './convert-monitor.ts';
import { convertDefaultServer, convertServer, convertServerTemplate } from './convert-server.ts';
import { convertSource } from './convert-source.ts';
import { convertStats, STATS_CONVERTERS } from './convert-stats.ts';
import { convertStick, convertStickTable, settleStick } from './convert-stick.ts';
import { PROXY_DIRECTIVES } from './directives-proxy.ts';
import type { ProxyDraft, ProxyKind, TimeoutName } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Line, Section } from './parser.ts';
import type { Report } from './report.ts';
import {
  convertAcl,
  convertInspectDelay,
  convertRule,
  settleRules,
} from './rules/convert-rules.ts';
import { type Call, findCall, mayConvert } from './scope.ts';
import { parseInteger, parseTimeMs } from './values.ts';

const RETRIES_MAX = 1_000;

export type ProxyContext = {
  readonly report: Report;
  readonly draft: ProxyDraft;
  /** Targets of the global section so far, for `log global`. */
  readonly globalLogs: readonly LogTarget[];
};

type Converter = (context: ProxyContext, call: Call, word: Word) => void;

function convertLog({ report, draft, globalLogs }: ProxyContext, call: Call, word: Word): void {
  if (call.negated) {
    draft.logs = [];
  } else if (word.text === 'global') {
    for (const target of globalLogs) draft.logs = addLogTarget(draft.logs, target);
  } else {
    const target = convertLogTarget(report, call);
    if (target === null) return;
    refuseLogFlood(report, draft.logs, call);
    draft.logs = addLogTarget(draft.logs, target);
  }
}

/** What `option tcplog` writes; the same given as a log-format is no loss. */
const TCPLOG_FORMAT = '%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq';

function convertLogFormat({ report, draft }: ProxyContext, call: Call, word: Word): void {
  draft.logFormat = { value: 'tcplog', place: call.place };
  if (word.text === TCPLOG_FORMAT) return;
  const text = '"log-format" is not supported: connections are logged as by "option tcplog"';
  report.warning(call.place, 'unsupported-directive', text);
}

/** Algorithms that read HTTP: in TCP HAProxy goes round instead. */
const HTTP_BALANCES = ['uri', 'url_param', 'hdr'];

/** Algorithms that read a protocol on top of TCP, or what a rule says. */
const OTHER_BALANCES = ['rdp-cookie', 'hash'];

/** "leastconn" or "random(3)"; null: no algorithm is called so, or it takes no such argument. */
function parseBalance(text: string): BalanceConfig | null {
  const [, name = '', argument] = /^([^(]*)(?:\((.*)\))?$/.exec(text) ?? [];
  if (!isAlgorithmName(name)) return null;
  const algorithm = algorithmOf(name);
  if (argument === undefined) return algorithm.plain;
  return algorithm.withArgument?.(argument) ?? null;
}

function convertBalance({ report, draft }: ProxyContext, call: Call): void {
  const [word] = call.args;
  const balance = word === undefined ? { kind: 'roundrobin' as const } : parseBalance(word.text);
  if (balance === null && word !== undefined) {
    const name = word.text.split('(', 1)[0] ?? '';
    if (HTTP_BALANCES.includes(name)) {
      const text = `"balance ${name}" counts as roundrobin, as in HAProxy: TCP shows no HTTP; say leastconn or source`;
      report.warning(word, 'unsupported-directive', text);
      draft.balance = { value: { kind: 'roundrobin' }, place: call.place };
    } else if (OTHER_BALANCES.includes(name)) {
      const text = `"balance ${name}" is not supported: say roundrobin, leastconn or source`;
      report.error(word, 'unsupported-directive', text);
    } else {
      const known = ALGORITHM_NAMES.join(', ');
      report.error(word, 'bad-value', `"${word.text}" is no algorithm; use one of ${known}`);
    }
    return;
  }
  if (balance !== null) draft.balance = { value: balance, place: call.place };
}

/** Functions and the one modifier: only the modifier changes where `balance source` leads. */
const HASH_WORDS = ['sdbm', 'djb2', 'wt6', 'crc32', 'none', 'avalanche'];

function convertHashType({ report, draft }: ProxyContext, call: Call, word: Word): void {
  const words = call.args.map((arg) => arg.text);
  if (word.text !== 'map-based' && word.text !== 'consistent') {
    const text = `"${word.text}" is no hash type; use map-based or consistent`;
    report.error(word, 'bad-value', text);
    return;
  }
  const odd = call.args.slice(1).find((each) => !HASH_WORDS.includes(each.text));
  if (odd !== undefined) {
    const text = `"${odd.text}" is no hash function; use one of ${HASH_WORDS.join(', ')}`;
    report.error(odd, 'bad-value', text);
    return;
  }
  const plain = word.text === 'map-based' && !words.includes('avalanche');
  draft.hashType = plain ? null : { value: words.join(' '), place: call.place };
}

function convertTimeout({ report, draft }: ProxyContext, call: Call, word: Word): void {
  const name = call.name.slice('timeout '.length) as TimeoutName;
  const parsed = parseTimeMs(word.text);
  if (!parsed.ok) {
    report.error(word, 'bad-value', `"${call.name}": ${parsed.reason}`);
    return;
  }
  draft.timeouts = new Map(draft.timeouts).set(name, { value: parsed.value, place: word });
}

function convertMode({ report, draft }: ProxyContext, _call: Call, word: Word): void {
  if (word.text === 'tcp' || word.text === 'http') {
    draft.mode = { value: word.text, place: word };
  } else {
    report.error(word, 'bad-value', `"${word.text}" is no mode; use tcp, or http for a stats page`);
  }
}

/** Says that HAProxy has no such negation; true when it stood there. */
function refuseNegation(report: Report, call: Call): boolean {
  if (!call.negated) return false;
  const text = `"${call.name}" cannot be switched off; leave the line out or give another`;
  report.error(call.place, 'bad-value', text);
  return true;
}

function convertLogOption({ report, draft }: ProxyContext, call: Call): void {
  if (refuseNegation(report, call)) return;
  if (draft.kind === 'backend') {
    const text = `"${call.name}" is ignored: connections are logged by their frontend`;
    report.warning(call.place, 'ignored-directive', text);
    return;
  }
  const format = call.name === 'option tcplog' ? 'tcplog' : 'httplog';
  draft.logFormat = { value: format, place: call.place };
}

function convertCheckOption({ report, draft }: ProxyContext, call: Call): void {
  if (refuseNegation(report, call)) return;
  const before = draft.checkOption;
  // One of a defaults section is there to be replaced.
  if (before !== null && before.place.line > draft.place.line) {
    const text = `"option ${before.value}" is ignored: "${call.name}" in line ${call.place.line} replaces it`;
    report.warning(before.place, 'ignored-directive', text);
  }
  draft.checkOption = { value: call.name.slice('option '.length), place: call.place };
  if (call.name === 'option httpchk') convertHttpchk(report, draft, call);
}

function convertRedispatch({ report }: ProxyContext, call: Call): void {
  if (!call.negated) return;
  const text = '"no option redispatch" is left out: a failed connect always tries another server';
  report.warning(call.place, 'unsupported-directive', text);
}

function convertBindLine({ report, draft }: ProxyContext, call: Call): void {
  draft.hasBindLine = true;
  draft.binds = [...draft.binds, ...convertBind(report, call)];
  if (draft.binds.length > BINDS_MAX) {
    report.error(call.place, 'bad-value', `"${draft.name}" binds more than ${BINDS_MAX} addresses`);
    draft.binds = draft.binds.slice(0, BINDS_MAX);
  }
}

function readInteger(report: Report, call: Call, word: Word, max: number): number | null {
  const value = parseInteger(word.text, 0, max);
  if (value.ok) return value.value;
  report.error(word, 'bad-value', `"${call.name}": ${value.reason}`);
  return null;
}

/** `http-request use-service prometheus-exporter [if { path /metrics }]` (HAProxy's promex README). */
function convertService(report: Report, draft: ProxyDraft, call: Call): void {
  const [service = '', ...condition] = call.args.map((word) => word.text);
  if (service !== 'prometheus-exporter') {
    const text = `"${service}" is not supported: the one service is prometheus-exporter`;
    report.error(call.args[0] ?? call.place, 'unsupported-directive', text);
    return;
  }
  const path = /^(?:if \{ path (\/\S*) \})?$/.exec(condition.join(' '));
  draft.metricsPath = { value: path?.[1] ?? null, place: call.place };
  if (path !== null) return;
  const text = `"${condition.join(' ')}" is not supported: the condition must be as "if { path /metrics }"`;
  report.error(call.place, 'unsupported-directive', text);
}

/** By directive; the `stats` family and the check options are added below. */
const OWN_CONVERTERS: Readonly<Record<string, Converter>> = {
  mode: convertMode,
  bind: convertBindLine,
  server: ({ report, draft }, call) => convertServer(report, draft, call),
  'server-template': ({ report, draft }, call) => convertServerTemplate(report, draft, call),
  'default-server': ({ report, draft }, call) =>
    convertDefaultServer(report, draft.defaultServer, call),
  balance: convertBalance,
  'hash-type': convertHashType,
  log: convertLog,
  'log-format': convertLogFormat,
  'option tcplog': convertLogOption,
  'option httplog': convertLogOption,
  'option redispatch': convertRedispatch,
  'option allbackups': ({ draft }, call) => {
    draft.allBackups = !call.negated;
  },
  'option tcpka': ({ draft }, call) => convertKeepalive(draft, call),
  'option clitcpka': ({ draft }, call) => convertKeepalive(draft, call),
  'option srvtcpka': ({ draft }, call) => convertKeepalive(draft, call),
  acl: ({ report, draft }, call) => convertAcl(report, draft, call),
  'tcp-request inspect-delay': ({ report, draft }, call, word) =>
    convertInspectDelay(report, draft, call, word),
  'option dontlognull': ({ draft }, call) => {
    draft.dontLogNull = !call.negated;
  },
  'option log-health-checks': ({ draft }, call) => {
    draft.logHealthChecks = !call.negated;
  },
  'http-check connect': ({ report, draft }, call) => convertCheckConnect(report, draft, call),
  'tcp-check connect': ({ report, draft }, call) => convertCheckConnect(report, draft, call),
  'http-check send': ({ report, draft }, call) => convertCheckSend(report, draft, call),
  'http-check expect': ({ report, draft }, call) => convertCheckExpect(report, draft, call),
  'http-check disable-on-404': ({ draft }) => {
    draft.disableOn404 = true;
  },
  default_backend: ({ draft }, _call, word) => {
    draft.defaultBackend = word;
  },
  use_backend: ({ report, draft }, call, word) => convertUseBackend(report, draft, call, word),
  'monitor-uri': ({ draft }, call, word) => {
    draft.monitorUri = { value: word.text, place: call.place };
  },
  'http-request use-service': ({ report, draft }, call) => convertService(report, draft, call),
  'stick-table': ({ report, draft }, call) => convertStickTable(report, draft, call),
  'stick on': ({ report, draft }, call) => convertStick(report, draft, call),
  'stick match': ({ report, draft }, call) => convertStick(report, draft, call),
  'stick store-request': ({ report, draft }, call) => convertStick(report, draft, call),
  'monitor fail': ({ report, draft }, call) => convertMonitorFail(report, draft, call),
  maxconn: ({ report, draft }, call, word) => {
    const value = readInteger(report, call, word, CONNECTIONS_MAX);
    draft.connectionsMax = value ?? draft.connectionsMax;
  },
  source: ({ report, draft }, call, word) => convertSource(report, draft, call, word),
  retries: ({ report, draft }, call, word) => {
    draft.retries = readInteger(report, call, word, RETRIES_MAX) ?? draft.retries;
  },
  enabled: ({ draft }) => {
    draft.omitted = null;
  },
  disabled: ({ draft }) => {
    draft.omitted = 'disabled';
  },
};

function family(names: Iterable<string>, converter: Converter): Record<string, Converter> {
  return Object.fromEntries([...names].map((name) => [name, converter]));
}

const CHECK_OPTIONS = (
  'tcp-check httpchk ssl-hello-chk external-check ldap-check redis-check spop-check mysql-check ' +
  'pgsql-check smtpchk'
).split(' ');

const TIMEOUTS = 'client client-fin connect server server-fin tunnel check queue'.split(' ');

const KEEPALIVE_VALUES = ['cli', 'srv'].flatMap((side) =>
  ['cnt', 'idle', 'intvl'].map((value) => `${side}tcpka-${value}`),
);

export const PROXY_CONVERTERS: Readonly<Record<string, Converter>> = {
  ...OWN_CONVERTERS,
  ...family(
    ['connection', 'session', 'content'].map((kind) => `tcp-request ${kind}`),
    ({ report, draft }, call, word) => convertRule(report, draft, call, word),
  ),
  ...family(KEEPALIVE_VALUES, ({ report, draft }, call, word) =>
    convertKeepaliveValue(report, draft, call, word),
  ),
  ...family(
    TIMEOUTS.map((name) => `timeout ${name}`),
    convertTimeout,
  ),
  ...family(
    CHECK_OPTIONS.map((name) => `option ${name}`),
    convertCheckOption,
  ),
  ...family(Object.keys(STATS_CONVERTERS), ({ report, draft }, call) =>
    convertStats(report, draft, call),
  ),
};

const SECTION_LETTERS: Readonly<Record<ProxyKind, string>> = {
  defaults: 'd',
  frontend: 'f',
  listen: 'l',
  backend: 'b',
};

/** Whether the section may hold the directive; says so if not. HAProxy refuses only a frontend's servers. */
function belongs(report: Report, kind: ProxyKind, call: Call, sections: string): boolean {
  if (sections.includes(SECTION_LETTERS[kind])) return true;
  const home = Object.entries(SECTION_LETTERS)
    .filter(([name, letter]) => name !== 'defaults' && sections.includes(letter))
    .map(([name]) => name)
    .join(', ');
  const lost = `"${call.name}" has no place in a ${kind} section`;
  if (call.name === 'server' || kind === 'defaults') {
    report.error(call.place, 'syntax-error', `${lost}; it belongs to: ${home}`);
  } else {
    const text = `${lost} and is ignored; it belongs to: ${home}`;
    report.warning(call.place, 'ignored-directive', text);
  }
  return false;
}

function convertLine(context: ProxyContext, line: Line): void {
  const { report, draft } = context;
  const where = draft.kind === 'defaults' ? 'a defaults section' : `a ${draft.kind} section`;
  const found = findCall(report, PROXY_DIRECTIVES, line, where);
  if (found === null) return;
  const { directive, call } = found;
  if (!belongs(report, draft.kind, call, directive.sections)) return;
  if (!mayConvert(report, found)) return;
  PROXY_CONVERTERS[call.name]?.(context, call, call.args[0] ?? line.first);
}

/** Reads the lines of one proxy or `defaults` section into its draft. */
export function convertProxyLines(context: ProxyContext, section: Section): void {
  for (const line of section.lines) convertLine(context, line);
  settleBackend(context.report, context.draft);
  settleStick(context.report, context.draft);
  settleRules(context.report, context.draft);
}
