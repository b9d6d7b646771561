/** `server` and `default-server` lines (configuration manual section 5.2). */

import { fail, ok, type Result } from '../../core/result.ts';
import { parseCheckHost, parseEndpoint } from './address.ts';
import { connectionHandlers } from './convert-connection.ts';
import type { HostDraft, ProxyDraft, ServerDraft, ServerSettings } from './draft.ts';
import { type KeywordHandlers, readKeywords } from './keyword-reader.ts';
import { SERVER_KEYWORDS } from './keywords.ts';
import type { Word } from './lexer.ts';
import { nameHandlers } from './names/server-names.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { isProxyName, parseAlpn, parseInteger, parseTimeMs } from './values.ts';

/** HAProxy keeps weights in a byte and one more value. */
const WEIGHT_MAX = 256;
const CHECKS_MAX = 1_000_000;
const CONNECTIONS_MAX = 10_000_000;
/** Servers one backend may have. */
const SERVERS_MAX = 1_024;
const SERVER_NUMBER_MAX = 1_000_000;

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
    ...nameHandlers(report, settings),
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

/** Host and port of a server. A name stays a name. */
function parseServerAddress(
  text: string,
  template: boolean,
): Result<Pick<ServerDraft, 'host' | 'hostKind' | 'port' | 'portOffset'>> {
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
  const isService = endpoint.kind === 'name' && host.startsWith('_');
  const hostKind: HostDraft =
    endpoint.kind === 'name'
      ? { kind: isService ? 'service' : 'addresses', template }
      : { kind: 'numeric' };
  // The records of a service say the ports of its servers.
  if (isService) return ok({ host, hostKind, port: 0, portOffset: null });
  if (port === null || port === '') return ok({ host, hostKind, port: 0, portOffset: 0 });
  if (/^[+-]\d{1,5}$/.test(port)) return ok({ host, hostKind, port: 0, portOffset: Number(port) });
  const value = parseInteger(port, 1, 65_535);
  if (!value.ok) return fail(`"${text}": the port ${value.reason}`);
  return ok({ host, hostKind, port: value.value, portOffset: null });
}

/** The server of one line but its name, starting from `defaults`; null after an error that leaves no server. */
function readServer(
  report: Report,
  defaults: ServerSettings,
  call: Call,
  address: Word,
  keywords: readonly Word[],
): Omit<ServerDraft, 'name' | 'place'> | null {
  const settings: ServerSettings = { ...defaults };
  const handlers = settingHandlers(report, settings);
  readKeywords(report, SERVER_KEYWORDS, keywords, `a "${call.name}" line`, handlers);
  const parsed = parseServerAddress(address.text, call.name === 'server-template');
  if (parsed.ok) return { ...parsed.value, settings };
  report.error(address, 'bad-value', parsed.reason);
  return null;
}

/** Adds the server of a `server` line to the proxy. */
export function convertServer(report: Report, draft: ProxyDraft, call: Call): void {
  const [name, address, ...keywords] = call.args;
  if (name === undefined || address === undefined) return;
  if (!isProxyName(name.text)) {
    const text = `"${name.text}" is no server name; use letters, digits, "-", "_", "." and ":"`;
    report.error(name, 'bad-value', text);
  }
  const server = readServer(report, draft.defaultServer, call, address, keywords);
  if (server !== null) addServers(report, draft, [{ name: name.text, place: name, ...server }]);
}

/** Adds the servers of `server-template <prefix> <number or range> <host>[:<port>] ...` to the proxy. */
export function convertServerTemplate(report: Report, draft: ProxyDraft, call: Call): void {
  const [prefix, range, address, ...keywords] = call.args;
  if (prefix === undefined || range === undefined || address === undefined) return;
  if (!/^[A-Za-z0-9_.-]{1,250}$/.test(prefix.text)) {
    const text = `"${prefix.text}" is no prefix of server names; use letters, digits, "-", "_" and "."`;
    report.error(prefix, 'bad-value', text);
  }
  const numbers = parseRange(range.text);
  if (!numbers.ok) {
    report.error(range, 'bad-value', numbers.reason);
    return;
  }
  const server = readServer(report, draft.defaultServer, call, address, keywords);
  if (server === null) return;
  const { low, high } = numbers.value;
  const servers = Array.from({ length: high - low + 1 }, (_, index) => ({
    name: `${prefix.text}${low + index}`,
    place: prefix,
    ...server,
  }));
  addServers(report, draft, servers);
}

/** "3" is 1 to 3, "4-9" what it says. */
function parseRange(text: string): Result<{ readonly low: number; readonly high: number }> {
  const [first = '', last, rest] = text.split('-');
  const low = last === undefined ? ok(1) : parseInteger(first, 1, SERVER_NUMBER_MAX);
  const high = parseInteger(last ?? first, 1, SERVER_NUMBER_MAX);
  if (!low.ok || !high.ok || rest !== undefined || low.value > high.value) {
    return fail(`"${text}" is not a number of servers, such as 3, or a range, such as 1-3`);
  }
  return ok({ low: low.value, high: high.value });
}

function addServers(report: Report, draft: ProxyDraft, servers: readonly ServerDraft[]): void {
  const [first] = servers;
  if (first !== undefined && draft.servers.length + servers.length > SERVERS_MAX) {
    const text = `"${draft.name}" has more than ${SERVERS_MAX} servers`;
    report.error(first.place, 'bad-value', text);
    return;
  }
  for (const server of servers) {
    const twin = draft.servers.find((each) => each.name === server.name);
    if (twin === undefined) continue;
    const where = `line ${twin.place.line}`;
    const text = `Server "${server.name}" is in "${draft.name}" already, in ${where}; rename one`;
    report.error(server.place, 'duplicate-name', text);
    return;
  }
  draft.servers = [...draft.servers, ...servers];
}
