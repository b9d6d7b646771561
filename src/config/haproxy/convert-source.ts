/**
 * `source <addr> [usesrc ...]` of proxies and servers (configuration manual sections 4.2 and 5.2): where connections
 * come from, and whose address their server sees.
 */

import type { TransparentSource } from '../model/traffic.ts';
import { parseCheckHost, parseEndpoint } from './address.ts';
import type { ProxyDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';

/** Why a word behind the address is not taken. */
export const SOURCE_WORDS: ReadonlyMap<string, string> = new Map([
  [
    'interface',
    'the kernel chooses the interface; a rule of "ip rule" for the address does as much',
  ],
]);

/** The address; null: as the kernel chooses; undefined after an error. */
export function readSource(report: Report, word: Word): string | null | undefined {
  const host = parseCheckHost(word.text);
  if (!host.ok) {
    const text = `"source": ${host.reason}; write an address of this machine, and no port`;
    report.error(word, 'bad-value', text);
    return undefined;
  }
  return host.value === '0.0.0.0' || host.value === '::' ? null : host.value;
}

/** The line of a proxy, which clears what a "defaults" section said. */
export function convertSource(report: Report, draft: ProxyDraft, call: Call, word: Word): void {
  const source = readSource(report, word);
  if (source !== undefined) draft.source = source;
  draft.transparent = null;
  for (let position = 1; position < call.args.length; position += 2) {
    const [keyword, value] = call.args.slice(position, position + 2);
    if (keyword === undefined) return;
    if (keyword.text !== 'usesrc') {
      refuseWord(report, keyword);
      return;
    }
    if (value === undefined) {
      report.error(keyword, 'missing-value', '"usesrc" needs a value after it');
      return;
    }
    draft.transparent = readUseSource(report, value);
  }
}

function refuseWord(report: Report, word: Word): void {
  const why = SOURCE_WORDS.get(word.text);
  if (why === undefined) {
    const text = `"${word.text}" is no keyword of "source"; give an address, and "usesrc" perhaps`;
    report.error(word, 'unknown-directive', text);
    return;
  }
  report.error(word, 'unsupported-directive', `"source ... ${word.text}" is not supported: ${why}`);
}

/** The value of `usesrc`; null: none, after an error or where there is no such thing in TCP. */
export function readUseSource(report: Report, word: Word): TransparentSource | null {
  const { text } = word;
  if (text === 'client' || text === 'clientip') {
    return { kind: 'client', withPort: text === 'client' };
  }
  if (text.startsWith('hdr_ip(')) {
    const warning =
      `"usesrc ${text}" is ignored: TCP shows no header of HTTP. Connections come from this machine, where HAProxy ` +
      'warns and turns clients away; say "usesrc clientip"';
    report.warning(word, 'ignored-directive', warning);
    return null;
  }
  const bare = text.includes('::') && !text.startsWith('[') ? `[${text}]` : text;
  const endpoint = parseEndpoint(bare);
  if (endpoint.ok && (endpoint.value.kind === 'ipv4' || endpoint.value.kind === 'ipv6')) {
    const { host, port } = endpoint.value;
    if (port === null) return { kind: 'address', host, port: 0 };
    if (/^\d+$/.test(port) && Number(port) <= 65_535) {
      return { kind: 'address', host, port: Number(port) };
    }
  }
  report.error(word, 'bad-value', `"usesrc ${text}": say client, clientip, or an address`);
  return null;
}
