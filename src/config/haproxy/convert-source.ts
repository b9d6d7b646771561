/** `source <addr>` of proxies and servers (configuration manual sections 4.2 and 5.2): where connections come from. */

import { parseCheckHost } from './address.ts';
import type { ProxyDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';

/** Why a word behind the address is not taken. */
export const SOURCE_WORDS: ReadonlyMap<string, string> = new Map([
  [
    'usesrc',
    'connections with the client\'s address take a right that balancers do not have; say "send-proxy-v2" where ' +
      'servers read it',
  ],
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

/** The line of a proxy. */
export function convertSource(report: Report, draft: ProxyDraft, call: Call, word: Word): void {
  const [, next] = call.args;
  const why = SOURCE_WORDS.get(next?.text ?? '');
  if (next !== undefined) {
    const text =
      why === undefined
        ? `"${next.text}" is no keyword of "source"; give an address alone`
        : `"source ... ${next.text}" is not supported: ${why}`;
    report.error(next, why === undefined ? 'unknown-directive' : 'unsupported-directive', text);
    return;
  }
  const source = readSource(report, word);
  if (source !== undefined) draft.source = source;
}
