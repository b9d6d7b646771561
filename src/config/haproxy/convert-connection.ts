/**
 * What concerns single connections: keepalive, the PROXY protocol, waiting, warming up (configuration manual sections 4.2, 5.1 and 5.2).
 */

import type { FrontendConfig, KeepaliveConfig } from '../model/traffic.ts';
import { readSource, readUseSource } from './convert-source.ts';
import type { BindDraft, ProxyDraft, ServerSettings } from './draft.ts';
import type { KeywordHandlers } from './keyword-reader.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { refuseRulesOnPage } from './rules/build-rules.ts';
import type { Call } from './scope.ts';
import { parseInteger, parseTimeMs } from './values.ts';

/** Clients one server may keep waiting. */
const QUEUE_MAX = 10_000_000;
/** tcp(7) knows no more probes. */
const PROBES_MAX = 127;

/** A time of at least a millisecond; null after an error. */
export function readTime(report: Report, word: Word, name: string): number | null {
  const parsed = parseTimeMs(word.text);
  if (parsed.ok && parsed.value > 0) return parsed.value;
  const reason = parsed.ok ? '0 is no time to wait; leave it out' : parsed.reason;
  report.error(word, 'bad-value', `"${name}": ${reason}`);
  return null;
}

/** Keywords of `server` lines. */
export function connectionHandlers(report: Report, settings: ServerSettings): KeywordHandlers {
  const time =
    (key: 'slowstartMs' | 'userTimeoutMs') =>
    (word: Word, keyword: Word): void => {
      const value = readTime(report, word, keyword.text);
      if (value !== null) settings[key] = value;
    };
  return {
    source: (word) => {
      const source = readSource(report, word);
      if (source !== undefined) settings.source = source;
    },
    usesrc: (word, keyword) => {
      if (settings.source === undefined) {
        const text = '"usesrc" stands behind a "source": write "source 0.0.0.0 usesrc clientip"';
        report.error(keyword, 'missing-value', text);
        return;
      }
      settings.transparent = readUseSource(report, word);
    },
    slowstart: time('slowstartMs'),
    'tcp-ut': time('userTimeoutMs'),
    maxqueue: (word, keyword) => {
      const value = parseInteger(word.text, 0, QUEUE_MAX);
      if (value.ok) settings.queueMax = value.value;
      else report.error(word, 'bad-value', `"${keyword.text}": ${value.reason}`);
    },
    'send-proxy': () => {
      settings.sendProxy = 1;
    },
    'send-proxy-v2': () => {
      settings.sendProxy = 2;
    },
    'no-send-proxy': () => {
      settings.sendProxy = 0;
    },
    'no-send-proxy-v2': () => {
      settings.sendProxy = 0;
    },
    'on-marked-up': (word, keyword) => {
      if (word.text === 'shutdown-backup-sessions') settings.shutdownBackups = true;
      else {
        const text = `"${keyword.text}": say "on-marked-up shutdown-backup-sessions"`;
        report.error(word, 'bad-value', text);
      }
    },
  };
}

/** `option tcpka`, `clitcpka`, `srvtcpka`. */
export function convertKeepalive(draft: ProxyDraft, call: Call): void {
  const on = !call.negated;
  if (call.name !== 'option srvtcpka') draft.clientKeepalive = { ...draft.clientKeepalive, on };
  if (call.name !== 'option clitcpka') draft.serverKeepalive = { ...draft.serverKeepalive, on };
}

/** `clitcpka-idle` and its like, which only count beside the option. */
export function convertKeepaliveValue(
  report: Report,
  draft: ProxyDraft,
  call: Call,
  word: Word,
): void {
  const side = call.name.startsWith('cli') ? 'clientKeepalive' : 'serverKeepalive';
  if (call.name.endsWith('-cnt')) {
    const value = parseInteger(word.text, 1, PROBES_MAX);
    if (value.ok) draft[side] = { ...draft[side], probes: value.value };
    else report.error(word, 'bad-value', `"${call.name}": ${value.reason}`);
    return;
  }
  // HAProxy counts these in seconds where no unit says otherwise.
  const parsed = parseTimeMs(word.text, 's');
  if (!parsed.ok || parsed.value === 0) {
    const reason = parsed.ok ? '0 is no time to wait; leave it out' : parsed.reason;
    report.error(word, 'bad-value', `"${call.name}": ${reason}`);
    return;
  }
  const key = call.name.endsWith('-idle') ? 'idleMs' : 'intervalMs';
  draft[side] = { ...draft[side], [key]: parsed.value };
}

/** undefined: off. */
export function buildKeepalive(
  draft: ProxyDraft,
  side: 'clientKeepalive' | 'serverKeepalive',
): { readonly keepalive?: KeepaliveConfig } {
  const { on, idleMs, intervalMs, probes } = draft[side];
  if (!on) return {};
  return {
    keepalive: {
      idleMs: idleMs ?? null,
      intervalMs: intervalMs ?? null,
      probes: probes ?? null,
    },
  };
}

// --- frontends ----------------------------------------------------------------------------------

type Features = Pick<FrontendConfig, 'keepalive' | 'userTimeoutMs' | 'acceptProxy'>;

/** What a TCP frontend does with single connections. */
export function buildConnections(report: Report, draft: ProxyDraft): Features {
  const { binds } = draft;
  const accepts = binds.filter((bind) => bind.acceptProxy);
  const [first] = accepts;
  if (first !== undefined && accepts.length < binds.length) {
    const text =
      `"accept-proxy" is not supported on some addresses of "${draft.name}" only: give the others a ` +
      'frontend of their own';
    report.error(first.place, 'unsupported-directive', text);
  }
  const userTimeoutMs = shortestUserTimeout(report, draft.name, binds);
  return {
    ...buildKeepalive(draft, 'clientKeepalive'),
    ...(userTimeoutMs === null ? {} : { userTimeoutMs }),
    ...(first === undefined ? {} : { acceptProxy: true }),
  };
}

function shortestUserTimeout(
  report: Report,
  name: string,
  binds: readonly BindDraft[],
): number | null {
  const set = binds.flatMap(({ userTimeoutMs }) => (userTimeoutMs === null ? [] : [userTimeoutMs]));
  const [first] = set;
  if (first === undefined) return null;
  const shortest = Math.min(...set);
  const place = binds.find((bind) => bind.userTimeoutMs !== shortest)?.place;
  if (place !== undefined) {
    const text = `"tcp-ut" differs between addresses of "${name}": ${shortest} ms holds for all`;
    report.warning(place, 'unsupported-directive', text);
  }
  return shortest;
}

/** Refuses what a page would leave out, and its readers might rely on. */
export function refuseOnPage(report: Report, draft: ProxyDraft): void {
  const bind = draft.binds.find((each) => each.acceptProxy);
  const page = `in "${draft.name}", which serves a page`;
  if (bind !== undefined) {
    report.error(bind.place, 'unsupported-directive', `"accept-proxy" is not supported ${page}`);
  }
  const stick = draft.stickMatch ?? draft.stickStore;
  if (stick !== null) {
    report.warning(stick, 'ignored-directive', `"stick" is ignored ${page}`);
  }
  refuseRulesOnPage(report, draft);
}
