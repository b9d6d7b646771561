/** The `global` section: the process, its runtime sockets and its log targets. */

import { sharedAccountProblem } from '../accounts.ts';
import type { BalancerProcessConfig, LogTarget, StatsSocketConfig } from '../model/process.ts';
import { parseEndpoint } from './address.ts';
import { addLogTarget, convertLogTarget, refuseLogFlood } from './convert-log.ts';
import { GLOBAL_DIRECTIVES } from './directives-global.ts';
import { readKeywords } from './keyword-reader.ts';
import { STATS_SOCKET_KEYWORDS } from './keywords.ts';
import type { Word } from './lexer.ts';
import type { Line, Section } from './parser.ts';
import type { Report } from './report.ts';
import { type Call, findCall, mayConvert } from './scope.ts';
import { ID_MAX, newSocketFile, socketFileKeywords } from './socket-file.ts';
import { parseInteger, parseTimeMs } from './values.ts';

/** HAProxy takes no more threads than a machine word has bits. */
const THREADS_MAX = 64;

const STATS_SOCKETS_MAX = 16;

export const CONNECTIONS_MAX = 10_000_000;

export type GlobalDraft = {
  -readonly [Key in keyof BalancerProcessConfig]: BalancerProcessConfig[Key];
};

export function createGlobalDraft(): GlobalDraft {
  return {
    node: null,
    user: null,
    group: null,
    connectionsMax: 0,
    relays: 0,
    statsSockets: [],
    logs: [],
  };
}

type Converter = (report: Report, draft: GlobalDraft, call: Call, word: Word) => void;

function readInteger(report: Report, word: Word, name: string, min: number, max: number) {
  const value = parseInteger(word.text, min, max);
  if (value.ok) return value.value;
  report.error(word, 'bad-value', `"${name}": ${value.reason}`);
  return null;
}

function parseLevel(text: string): StatsSocketConfig['level'] | null {
  return text === 'user' || text === 'operator' || text === 'admin' ? text : null;
}

/** `stats socket <path> [mode M] [level L] [user U] [group G]` (manual sections 3.1 and 5.1). */
function convertStatsSocket(report: Report, draft: GlobalDraft, call: Call, target: Word): void {
  const endpoint = parseEndpoint(target.text);
  if (!endpoint.ok) {
    report.error(target, 'bad-value', endpoint.reason);
    return;
  }
  if (endpoint.value.kind !== 'unix') {
    const text = `"stats socket ${target.text}" is not supported: name the path of a unix socket`;
    report.error(target, 'unsupported-directive', text);
    return;
  }
  const { path } = endpoint.value;
  if (draft.statsSockets.length >= STATS_SOCKETS_MAX) {
    const text = `"stats socket" is given more than ${STATS_SOCKETS_MAX} times`;
    report.error(target, 'bad-value', text);
    return;
  }
  if (draft.statsSockets.some((socket) => socket.path === path)) {
    report.error(target, 'address-conflict', `Another "stats socket" has the path "${path}"`);
    return;
  }
  const file = newSocketFile();
  let level: StatsSocketConfig['level'] = 'operator';
  readKeywords(report, STATS_SOCKET_KEYWORDS, call.args.slice(1), 'a "stats socket" line', {
    ...socketFileKeywords(report, file),
    level: (value) => {
      const parsed = parseLevel(value.text);
      if (parsed !== null) level = parsed;
      else {
        const text = `"${value.text}" is no level; use user, operator or admin`;
        report.error(value, 'bad-value', text);
      }
    },
  });
  draft.statsSockets = [...draft.statsSockets, { path, ...file, level }];
}

function convertLog(report: Report, draft: GlobalDraft, call: Call, word: Word): void {
  if (call.negated) {
    draft.logs = [];
    return;
  }
  if (word.text === 'global') {
    report.error(word, 'bad-value', '"log global" stands in proxies; name a target here');
    return;
  }
  const target: LogTarget | null = convertLogTarget(report, call);
  if (target === null) return;
  refuseLogFlood(report, draft.logs, call);
  draft.logs = addLogTarget(draft.logs, target);
}

function nameUser(report: Report, draft: GlobalDraft, word: Word): void {
  draft.user = word.text;
  const problem = sharedAccountProblem(word.text);
  if (problem !== null) report.warning(word, 'shared-account', problem);
}

/** By directive; setenv and its like took effect while the file was cut into words. */
export const GLOBAL_CONVERTERS: Readonly<Record<string, Converter>> = {
  log: convertLog,
  'stats socket': convertStatsSocket,
  node: (_report, draft, _call, word) => {
    draft.node = word.text;
  },
  user: (report, draft, _call, word) => {
    nameUser(report, draft, word);
  },
  group: (_report, draft, _call, word) => {
    draft.group = word.text;
  },
  uid: (report, draft, _call, word) => {
    if (readInteger(report, word, 'uid', 0, ID_MAX) !== null) nameUser(report, draft, word);
  },
  gid: (report, draft, _call, word) => {
    if (readInteger(report, word, 'gid', 0, ID_MAX) !== null) draft.group = word.text;
  },
  maxconn: (report, draft, _call, word) => {
    const value = readInteger(report, word, 'maxconn', 0, CONNECTIONS_MAX);
    draft.connectionsMax = value ?? draft.connectionsMax;
  },
  nbthread: (report, draft, _call, word) => {
    draft.relays = readInteger(report, word, 'nbthread', 1, THREADS_MAX) ?? draft.relays;
  },
  'hard-stop-after': (report, draft, _call, word) => {
    const parsed = parseTimeMs(word.text);
    if (!parsed.ok) report.error(word, 'bad-value', `"hard-stop-after": ${parsed.reason}`);
    // 0 is no limit there.
    else if (parsed.value > 0) draft.hardStopAfterMs = parsed.value;
  },
  setenv: () => {},
  presetenv: () => {},
  unsetenv: () => {},
  resetenv: () => {},
};

function convertLine(report: Report, draft: GlobalDraft, line: Line): void {
  const found = findCall(report, GLOBAL_DIRECTIVES, line, 'the global section');
  if (found === null) return;
  if (!mayConvert(report, found)) return;
  const { call } = found;
  GLOBAL_CONVERTERS[call.name]?.(report, draft, call, call.args[0] ?? line.first);
}

/** Reads one `global` section into the draft; several add up, as in HAProxy. */
export function convertGlobal(report: Report, draft: GlobalDraft, section: Section): void {
  const [extra] = section.args;
  if (extra !== undefined) {
    report.error(extra, 'syntax-error', `Section "global" has no name; remove "${extra.text}"`);
  }
  for (const line of section.lines) convertLine(report, draft, line);
}
