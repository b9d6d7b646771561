/** `option httpchk` and the rules of `http-check` and `tcp-check` (configuration manual section 4.2). */

import { fail, ok, type Result } from '../../core/result.ts';
import type { HttpExpectation, StatusRange } from '../model/checks.ts';
import { parseCheckHost } from './address.ts';
import {
  type CheckConnectDraft,
  type CheckHeader,
  type CheckRequestDraft,
  type CheckRulesDraft,
  NO_RULES,
} from './check-draft.ts';
import { convert, ignore, refuse } from './directives.ts';
import type { ProxyDraft } from './draft.ts';
import { readKeywords } from './keyword-reader.ts';
import { keywords, keywordTable } from './keywords.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { parseAlpn, parseInteger } from './values.ts';

/** Expectations one proxy may have. */
const EXPECTATIONS_MAX = 32;

const CONVERTED = convert(0, 0);
const CONNECT_KEYWORDS = keywordTable([
  ...keywords(0, 'default ssl', CONVERTED),
  ...keywords(1, 'port addr sni alpn', CONVERTED),
  ...keywords(0, 'linger', ignore('checks end their connections in the orderly way')),
  ...keywords(1, 'comment', ignore('it is a note')),
  ...keywords(0, 'send-proxy via-socks4', refuse('checks connect to the server directly')),
  ...keywords(1, 'proto', refuse('checks speak HTTP/1')),
]);

/** The rules so far; those of a `defaults` section end where the proxy begins its own. */
function ownRules(draft: ProxyDraft, call: Call): CheckRulesDraft {
  const family = call.name.startsWith('http-check') ? 'http-check' : 'tcp-check';
  const { rules } = draft;
  return rules.inherited || rules.family !== family ? { ...NO_RULES, family } : rules;
}

function isToken(text: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(text);
}

function parseVersion(text: string): Result<'1.0' | '1.1'> {
  const version = /^HTTP\/(1\.[01])$/.exec(text)?.[1];
  if (version === '1.0' || version === '1.1') return ok(version);
  return fail(`"${text}" is no HTTP version of checks; write HTTP/1.0 or HTTP/1.1`);
}

/** Header lines and a body behind the version: old files carry them as "HTTP/1.1\r\nHost:\ www". */
function parseTail(tail: string): Result<Pick<CheckRequestDraft, 'headers' | 'body'>> {
  const end = tail.indexOf('\r\n\r\n');
  const head = end === -1 ? tail : tail.slice(0, end);
  const headers: CheckHeader[] = [];
  for (const line of head.split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (colon <= 0 || !isToken(line.slice(0, colon))) {
      return fail(`"${line}" is no header; write "Name: value"`);
    }
    headers.push({ name: line.slice(0, colon), value: line.slice(colon + 1).trim() });
  }
  return ok({ headers, ...(end === -1 ? {} : { body: tail.slice(end + 4) }) });
}

/** `option httpchk [[<method>] <uri> [<version>]]`. */
export function convertHttpchk(report: Report, draft: ProxyDraft, call: Call): void {
  const [first, second, third] = call.args;
  const request: CheckRequestDraft = {};
  const uri = second ?? first;
  if (second !== undefined && first !== undefined) {
    if (!isToken(first.text)) {
      report.error(first, 'bad-value', `"${first.text}" is no HTTP method; use GET or OPTIONS`);
      return;
    }
    request.method = first.text;
  }
  if (uri !== undefined) {
    if (!isUri(report, uri)) return;
    request.uri = uri.text;
  }
  if (third !== undefined) {
    const text = [third, ...call.args.slice(3)].map((word) => word.text).join(' ');
    const lineEnd = text.indexOf('\r\n');
    const version = parseVersion(lineEnd === -1 ? text : text.slice(0, lineEnd));
    const tail = parseTail(lineEnd === -1 ? '' : text.slice(lineEnd + 2));
    const wrong = version.ok ? (tail.ok ? null : tail.reason) : version.reason;
    if (wrong !== null) {
      report.error(third, 'bad-value', wrong);
      return;
    }
    if (version.ok) request.version = version.value;
    if (tail.ok) Object.assign(request, tail.value);
  }
  draft.httpchk = request;
}

function isUri(report: Report, word: Word): boolean {
  if (/^[!-~]{1,2048}$/.test(word.text)) return true;
  report.error(word, 'bad-value', `"${word.text}" is no URI; write a path such as "/readyz"`);
  return false;
}

/** `http-check connect`, `tcp-check connect`: one connection per check. */
export function convertCheckConnect(report: Report, draft: ProxyDraft, call: Call): void {
  const rules = ownRules(draft, call);
  if (rules.connect !== null || rules.send !== null || rules.expect.length > 0) {
    const text = `"${call.name}" is not supported here: a check makes one connection, said first`;
    report.error(call.place, 'unsupported-directive', text);
    return;
  }
  const connect: CheckConnectDraft = {
    place: call.place,
    security: 'tcp',
    port: null,
    host: null,
    sni: null,
    alpn: [],
  };
  const take = <Value>(word: Word, result: Result<Value>): Value | null => {
    if (!result.ok) report.error(word, 'bad-value', `"${call.name}": ${result.reason}`);
    return result.ok ? result.value : null;
  };
  readKeywords(report, CONNECT_KEYWORDS, call.args, `a "${call.name}" line`, {
    default: () => {
      connect.security = 'server';
    },
    ssl: () => {
      connect.security = 'tls';
    },
    port: (word) => {
      connect.port = take(word, parseInteger(word.text, 1, 65_535));
    },
    addr: (word) => {
      connect.host = take(word, parseCheckHost(word.text));
    },
    sni: (word) => {
      connect.sni = word.text;
    },
    alpn: (word) => {
      connect.alpn = take(word, parseAlpn(word.text)) ?? [];
    },
  });
  draft.rules = { ...rules, connect };
}

/** Fetches and format strings: HAProxy would put values in their place. */
function isFormat(text: string): boolean {
  return text.includes('%');
}

/** `http-check send`. */
export function convertCheckSend(report: Report, draft: ProxyDraft, call: Call): void {
  const rules = ownRules(draft, call);
  if (rules.send !== null || rules.expect.length > 0) {
    const text =
      '"http-check send" is not supported here: a check makes one request, before "expect"';
    report.error(call.place, 'unsupported-directive', text);
    return;
  }
  const send: CheckRequestDraft = {};
  const headers: CheckHeader[] = [];
  for (let at = 0; at < call.args.length; at++) {
    const [keyword, value, second] = call.args.slice(at, at + 3);
    if (keyword === undefined) break;
    const name = keyword.text;
    if (value === undefined || (name === 'hdr' && second === undefined)) {
      report.error(keyword, 'missing-value', `"${name}" needs a value after it`);
      return;
    }
    at += name === 'hdr' ? 2 : 1;
    const formatted = name === 'hdr' ? second : name.endsWith('-lf') ? value : undefined;
    if (formatted !== undefined && isFormat(formatted.text)) {
      const text = `"${formatted.text}" is not supported: checks send fixed text, without "%"`;
      report.error(formatted, 'unsupported-directive', text);
      return;
    }
    if (!takeSendValue(report, send, headers, keyword, value, second)) return;
  }
  draft.rules = { ...rules, send: { ...send, ...(headers.length > 0 ? { headers } : {}) } };
}

function takeSendValue(
  report: Report,
  send: CheckRequestDraft,
  headers: CheckHeader[],
  keyword: Word,
  value: Word,
  second: Word | undefined,
): boolean {
  switch (keyword.text) {
    case 'meth':
      send.method = value.text;
      return isToken(value.text) || wrong(report, value, 'HTTP method');
    case 'uri':
    case 'uri-lf':
      send.uri = value.text;
      return isUri(report, value);
    case 'ver': {
      const version = parseVersion(value.text);
      if (!version.ok) return wrong(report, value, 'HTTP version; write HTTP/1.0 or HTTP/1.1');
      send.version = version.value;
      return true;
    }
    case 'hdr':
      headers.push({ name: value.text, value: second?.text ?? '' });
      return isToken(value.text) || wrong(report, value, 'header name');
    case 'body':
    case 'body-lf':
      send.body = value.text;
      return true;
    case 'comment':
      return true;
    default:
      report.error(
        keyword,
        'unknown-directive',
        `"${keyword.text}" is no keyword of "http-check send"; use meth, uri, ver, hdr, body`,
      );
      return false;
  }
}

function wrong(report: Report, word: Word, what: string): false {
  report.error(word, 'bad-value', `"${word.text}" is no ${what}`);
  return false;
}

function parseStatusRanges(text: string): Result<readonly StatusRange[]> {
  const ranges: StatusRange[] = [];
  for (const part of text.split(',')) {
    const [, low, high] = /^(\d{3})(?:-(\d{3}))?$/.exec(part) ?? [];
    const range = { min: Number(low), max: Number(high ?? low) };
    if (low === undefined || range.min > range.max) {
      return fail(`"${part}" is no status; write three digits, or a range such as 200-399`);
    }
    ranges.push(range);
  }
  return ok(ranges);
}

function parsePattern(text: string): Result<string> {
  try {
    return ok(new RegExp(text).source);
  } catch {
    return fail(`"${text}" is no regular expression`);
  }
}

function parseExpectation(kind: string, text: string): Result<HttpExpectation> | null {
  const negated = false;
  switch (kind) {
    case 'status': {
      const ranges = parseStatusRanges(text);
      return ranges.ok ? ok({ kind, negated, ranges: ranges.value }) : ranges;
    }
    case 'string':
      return ok({ kind, negated, text });
    case 'rstatus':
    case 'rstring': {
      const pattern = parsePattern(text);
      return pattern.ok ? ok({ kind, negated, pattern: pattern.value }) : pattern;
    }
    default:
      return null;
  }
}

/** `http-check expect [comment <text>] [!] <match> <pattern>`. */
export function convertCheckExpect(report: Report, draft: ProxyDraft, call: Call): void {
  const rules = ownRules(draft, call);
  const words = [...call.args];
  if (words[0]?.text === 'comment') words.splice(0, 2);
  const negated = words[0]?.text === '!';
  if (negated) words.shift();
  const [kind, pattern, extra] = words;
  if (kind === undefined || pattern === undefined) {
    const text = '"http-check expect" needs a match and a pattern, as in "status 200"';
    report.error(call.place, 'missing-value', text);
    return;
  }
  const parsed = parseExpectation(kind.text, pattern.text);
  if (parsed === null || extra !== undefined) {
    const odd = parsed === null ? kind : (extra ?? kind);
    const text =
      `"http-check expect ${odd.text}" is not supported: say one of status, rstatus, string and ` +
      'rstring, with one pattern; quote spaces';
    report.error(odd, 'unsupported-directive', text);
  } else if (!parsed.ok) {
    report.error(pattern, 'bad-value', `"${call.name}": ${parsed.reason}`);
  } else if (rules.expect.length >= EXPECTATIONS_MAX) {
    const text = `"${draft.name}" has more than ${EXPECTATIONS_MAX} "http-check expect" lines`;
    report.error(call.place, 'bad-value', text);
  } else {
    draft.rules = { ...rules, expect: [...rules.expect, { ...parsed.value, negated }] };
  }
}
