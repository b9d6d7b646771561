/** `server` and `default-server` lines (configuration manual section 5.2). */

import { fail, ok, type Result } from '../../core/result.ts';
import { parseCheckHost, parseEndpoint } from './address.ts';
import { connectionHandlers } from './convert-connection.ts';
import type { ServerDraft, ServerSettings } from './draft.ts';
import { type KeywordHandlers, readKeywords } from './keyword-reader.ts';
import { SERVER_KEYWORDS } from './keywords.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { isProxyName, parseAlpn, parseInteger, parseTimeMs } from './values.ts';

/** HAProxy keeps weights in a byte and one more value. */
const WEIGHT_MAX = 256;
const CHECKS_MAX = 1_000_000;
const CONNECTIONS_MAX = 10_000_000;

const ON_ERRORS = ['fastinter', 'fail-check', 'sudden-death', 'mark-down'] as const;

/** Keywords about what a check speaks, and about the health that traffic shows. */
function checkHandlers(report: Report, settings: ServerSettings): KeywordHandlers {
  const wrong = (word: Word, keyword: Word, fix: string): void =>
    report.error(word, 'bad-value', `"${keyword.text} ${word.text}": ${fix}`);
  const path =
    (key: 'caFile' | 'crt') =>
    (word: Word, keyword: Word): void => {
      if (word.text.startsWith('/') || word.text === '@system-ca') settings[key] = word.text;
      else wrong(word, keyword, 'write the whole path of the file, from "/" on');
    };
  return {
    'check-ssl': () => {
      settings.checkSsl = true;
    },
    'no-check-ssl': () => {
      settings.checkSsl = false;
    },
    'check-sni': (word) => {
      settings.checkSni = word.text;
    },
    'check-alpn': (word, keyword) => {
      const parsed = parseAlpn(word.text);
      if (parsed.ok) settings.checkAlpn = parsed.value;
      else wrong(word, keyword, parsed.reason);
    },
    verify: (word, keyword) => {
      if (word.text === 'none' || word.text === 'required') settings.verify = word.text;
      else wrong(word, keyword, 'use none or required');
    },
    verifyhost: (word) => {
      settings.verifyHost = word.text;
    },
    'ca-file': path('caFile'),
    crt: path('crt'),
    observe: (word, keyword) => {
      if (word.text === 'layer4') settings.observe = true;
      else if (word.text === 'layer7') {
        const text = '"observe layer7" is ignored: TCP shows layer4 only; say "observe layer4"';
        report.warning(word, 'ignored-directive', text);
      } else wrong(word, keyword, 'TCP shows layer4 only; say "observe layer4"');
    },
    'on-error': (word, keyword) => {
      const mode = ON_ERRORS.find((each) => each === word.text);
      if (mode !== undefined) settings.onError = mode;
      else wrong(word, keyword, `use one of ${ON_ERRORS.join(', ')}`);
    },
    'on-marked-down': (word, keyword) => {
      if (word.text === 'shutdown-sessions') settings.shutdownSessions = true;
      else wrong(word, keyword, 'say "on-marked-down shutdown-sessions"');
    },
  };
}

/** Handlers that write into `settings`. */
function settingHandlers(report: Report, settings: ServerSettings): KeywordHandlers {
  const take = <Value>(word: Word, keyword: Word, result: Result<Value>): Value | undefined => {
    if (result.ok) return result.value;
    report.error(word, 'bad-value', `"${keyword.text}": ${result.reason}`);
    return undefined;
  };
  const number =
    (
      key: 'rise' | 'fall' | 'weight' | 'connectionsMax' | 'checkPort' | 'errorLimit',
      min: number,
      max: number,
    ) =>
    (word: Word, keyword: Word): void => {
      const value = take(word, keyword, parseInteger(word.text, min, max));
      if (value !== undefined) settings[key] = value;
    };
  const time =
    (key: 'interMs' | 'fastinterMs' | 'downinterMs') =>
    (word: Word, keyword: Word): void => {
      const parsed = parseTimeMs(word.text);
      const zero = parsed.ok && parsed.value === 0;
      const value = take(
        word,
        keyword,
        zero ? fail('a check interval of 0 is no interval') : parsed,
      );
      if (value !== undefined) settings[key] = value;
    };
  return {
    check: (_value, place) => {
      settings.check = { value: true, place };
    },
    'no-check': (_value, place) => {
      settings.check = { value: false, place };
    },
    track: (word) => {
      settings.track = word;
    },
    backup: () => {
      settings.backup = true;
    },
    'no-backup': () => {
      settings.backup = false;
    },
    disabled: () => {
      settings.disabled = true;
    },
    enabled: () => {
      settings.disabled = false;
    },
    ...checkHandlers(report, settings),
    ...connectionHandlers(report, settings),
    'error-limit': number('errorLimit', 1, CHECKS_MAX),
    inter: time('interMs'),
    fastinter: time('fastinterMs'),
    downinter: time('downinterMs'),
    rise: number('rise', 1, CHECKS_MAX),
    fall: number('fall', 1, CHECKS_MAX),
    weight: number('weight', 0, WEIGHT_MAX),
    maxconn: number('connectionsMax', 0, CONNECTIONS_MAX),
    port: number('checkPort', 1, 65_535),
    addr: (word, keyword) => {
      const host = take(word, keyword, parseCheckHost(word.text));
      if (host !== undefined) settings.checkHost = host;
    },
  };
}

/** Adds what a `default-server` line says to `settings`. */
export function convertDefaultServer(report: Report, settings: ServerSettings, call: Call): void {
  const handlers = settingHandlers(report, settings);
  readKeywords(report, SERVER_KEYWORDS, call.args, 'a "default-server" line', handlers);
}

/** Host and port of a server. A name stays a name: it is resolved before the model is used. */
function parseServerAddress(
  text: string,
): Result<Pick<ServerDraft, 'host' | 'port' | 'portOffset'>> {
  const parsed = parseEndpoint(text);
  if (!parsed.ok) return parsed;
  const endpoint = parsed.value;
  if (endpoint.kind === 'unix' || endpoint.kind === 'other') {
    return fail(`"${text}" is no TCP address; Evergate connects to servers over TCP only`);
  }
  const { host, port } = endpoint;
  if (host === '0.0.0.0' || host === '::') {
    return fail(`"${text}" names no server; write the address to connect to`);
  }
  if (port === null || port === '') return ok({ host, port: 0, portOffset: 0 });
  if (/^[+-]\d{1,5}$/.test(port)) return ok({ host, port: 0, portOffset: Number(port) });
  const value = parseInteger(port, 1, 65_535);
  if (!value.ok) return fail(`"${text}": the port ${value.reason}`);
  return ok({ host, port: value.value, portOffset: null });
}

/** The server of one line, starting from `defaults`; null after an error that leaves no server. */
export function convertServer(
  report: Report,
  defaults: ServerSettings,
  call: Call,
): ServerDraft | null {
  const [name, address, ...keywords] = call.args;
  if (name === undefined || address === undefined) return null;
  if (!isProxyName(name.text)) {
    const text = `"${name.text}" is no server name; use letters, digits, "-", "_", "." and ":"`;
    report.error(name, 'bad-value', text);
  }
  const settings: ServerSettings = { ...defaults };
  const handlers = settingHandlers(report, settings);
  readKeywords(report, SERVER_KEYWORDS, keywords, 'a "server" line', handlers);
  const parsed = parseServerAddress(address.text);
  if (!parsed.ok) {
    report.error(address, 'bad-value', parsed.reason);
    return null;
  }
  return { name: name.text, ...parsed.value, place: name, settings };
}
