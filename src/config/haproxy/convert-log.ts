/** `log` lines (configuration manual sections 3.1 and 4.2): where syslog lines go. */

import { fail, ok, type Result } from '../../core/result.ts';
import type { LogTarget } from '../model/process.ts';
import { didYouMean } from '../suggest.ts';
import { parseEndpoint } from './address.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { parseInteger } from './values.ts';

/** By number (RFC 5424 section 6.2.1), under HAProxy's names. */
export const FACILITIES = (
  'kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2 ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ');

/** By number (RFC 5424 section 6.2.1). */
export const LEVELS = 'emerg alert crit err warning notice info debug'.split(' ');

const FORMATS = ['rfc3164', 'rfc5424', 'priority', 'short', 'timed', 'iso', 'raw', 'local'];

const SYSLOG_PORT = 514;

function parseTarget(text: string): Result<LogTarget['address']> {
  if (text === 'stdout' || text === 'stderr') return ok({ kind: text });
  const endpoint = parseEndpoint(text);
  if (!endpoint.ok) return endpoint;
  const { value } = endpoint;
  if (value.kind === 'unix') return ok({ kind: 'unix', path: value.path });
  if (value.kind === 'other') {
    if (value.prefix === 'fd' && value.rest === '1') return ok({ kind: 'stdout' });
    if (value.prefix === 'fd' && value.rest === '2') return ok({ kind: 'stderr' });
    return fail(`"${text}" is no target Evergate can log to; name an address or a socket path`);
  }
  if (text.startsWith('tcp')) return fail(`"${text}" is TCP; Evergate logs over UDP`);
  if (value.port === null || value.port === '') {
    return ok({ kind: 'udp', host: value.host, port: SYSLOG_PORT });
  }
  const port = parseInteger(value.port, 1, 65_535);
  return port.ok ? ok({ kind: 'udp', host: value.host, port: port.value }) : port;
}

type LogOptions = { format: LogTarget['format'] | null; rest: readonly Word[] };

function parseFormat(report: Report, word: Word): LogTarget['format'] | null {
  if (word.text === 'rfc3164' || word.text === 'raw' || word.text === 'short') return word.text;
  if (!FORMATS.includes(word.text)) {
    const text = `"${word.text}" is no log format${didYouMean(word.text, FORMATS)}`;
    report.error(word, 'bad-value', text);
    return null;
  }
  const text = `Log format "${word.text}" is not supported and becomes rfc3164`;
  report.warning(word, 'unsupported-directive', text);
  return null;
}

/** `len`, `format` and `sample` between the target and the facility. */
function parseOptions(report: Report, words: readonly Word[]): LogOptions {
  let rest = words;
  let format: LogTarget['format'] | null = null;
  for (;;) {
    const [keyword, value] = rest;
    if (keyword === undefined || value === undefined) break;
    if (keyword.text === 'len') {
      const text = '"len" is ignored: log lines are short';
      report.warning(keyword, 'ignored-directive', text);
    } else if (keyword.text === 'sample') {
      const text = '"sample" is not supported and left out: every line goes to every target';
      report.warning(keyword, 'unsupported-directive', text);
    } else if (keyword.text === 'format') format = parseFormat(report, value) ?? format;
    else break;
    rest = rest.slice(2);
  }
  return { format, rest };
}

/** Index of a word in a list of names; null after an error. */
function indexOf(
  report: Report,
  word: Word,
  names: readonly string[],
  what: string,
): number | null {
  const index = names.indexOf(word.text);
  if (index >= 0) return index;
  const hint = didYouMean(word.text, names) || `; use one of ${names.join(', ')}`;
  report.error(word, 'bad-value', `"${word.text}" is no log ${what}${hint}`);
  return null;
}

/** The target one `log` line names; null after an error. */
export function convertLogTarget(report: Report, call: Call): LogTarget | null {
  const [target, ...afterTarget] = call.args;
  if (target === undefined) return null;
  const address = parseTarget(target.text);
  if (!address.ok) {
    report.error(target, 'bad-value', address.reason);
    return null;
  }
  const { format, rest } = parseOptions(report, afterTarget);
  const [facilityWord, maxWord, minWord, extra] = rest;
  if (facilityWord === undefined) {
    const text = `"log ${target.text}" needs a facility after the address, such as local0`;
    report.error(call.place, 'missing-value', text);
    return null;
  }
  if (extra !== undefined) {
    report.error(extra, 'syntax-error', `"${extra.text}" is one argument too many for "log"`);
    return null;
  }
  const facility = indexOf(report, facilityWord, FACILITIES, 'facility');
  const levelMax = maxWord === undefined ? 7 : indexOf(report, maxWord, LEVELS, 'level');
  const levelMin = minWord === undefined ? 0 : indexOf(report, minWord, LEVELS, 'level');
  if (facility === null || levelMax === null || levelMin === null) return null;
  return { address: address.value, format: format ?? 'rfc3164', facility, levelMax, levelMin };
}

/** Targets one proxy or the process may log to. */
const LOG_TARGETS_MAX = 32;

/** Adds a target unless the very same is there already, as `log global` given twice would. */
export function addLogTarget(
  targets: readonly LogTarget[],
  target: LogTarget,
): readonly LogTarget[] {
  const text = JSON.stringify(target);
  const known = targets.some((each) => JSON.stringify(each) === text);
  return known || targets.length >= LOG_TARGETS_MAX ? targets : [...targets, target];
}

/** Complains when one more target would be left out. */
export function refuseLogFlood(report: Report, targets: readonly LogTarget[], call: Call): void {
  if (targets.length < LOG_TARGETS_MAX) return;
  const text = `"log" is given more than ${LOG_TARGETS_MAX} times; log to fewer targets`;
  report.error(call.place, 'bad-value', text);
}
