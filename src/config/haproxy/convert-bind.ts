/** `bind` lines: addresses and ports a proxy listens on (configuration manual sections 4.2, 5.1, 11). */

import { fail, ok, type Result } from '../../core/result.ts';
import type { SocketFileConfig } from '../model/process.ts';
import type { BindConfig } from '../model/traffic.ts';
import { parseEndpoint, parsePorts } from './address.ts';
import { readTime } from './convert-connection.ts';
import type { BindDraft } from './draft.ts';
import { readKeywords } from './keyword-reader.ts';
import { BIND_KEYWORDS } from './keywords.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { newSocketFile, socketFileKeywords } from './socket-file.ts';

/** Addresses one proxy may listen on. */
export const BINDS_MAX = 256;

/** Addresses of one part of the comma-separated list. */
function parsePart(text: string, v6only: boolean): Result<readonly BindConfig['address'][]> {
  const parsed = parseEndpoint(text);
  if (!parsed.ok) return parsed;
  const endpoint = parsed.value;
  if (endpoint.kind === 'unix') return ok([{ kind: 'unix', path: endpoint.path }]);
  if (endpoint.kind === 'other') {
    return fail(`"${text}" is no address Evergate can listen on; write an address and a port`);
  }
  if (endpoint.kind === 'name') {
    return fail(`"${endpoint.host}" is a name; write the address to listen on`);
  }
  const { kind, host, port } = endpoint;
  if (port === null) return fail(`"${text}" has no port; write "${text}:8443", say`);
  const ports = parsePorts(port);
  if (!ports.ok) return ports;
  return ok(
    ports.value.map((each) =>
      kind === 'ipv4' ? { kind, host, port: each } : { kind, host, port: each, v6only },
    ),
  );
}

/** IFNAMSIZ - 1 (netdevice(7)). */
const INTERFACE_LENGTH_MAX = 15;

function readInterface(report: Report, word: Word): string | null {
  if (/^[^\s/:]+$/.test(word.text) && word.text.length <= INTERFACE_LENGTH_MAX) return word.text;
  report.error(word, 'bad-value', `"${word.text}" is not the name of a network interface`);
  return null;
}

/** HAProxy takes these in silence, too, and does nothing with them. */
function warnOfUnused(
  report: Report,
  place: Word,
  drafts: readonly BindDraft[],
  interfaceName: string | null,
  { mode, user, group }: SocketFileConfig,
): void {
  const unix = drafts.filter(({ bind }) => bind.address.kind === 'unix').length;
  if (interfaceName !== null && unix === drafts.length && unix > 0) {
    const text = '"interface" is ignored: a unix socket is on none';
    report.warning(place, 'ignored-directive', text);
  }
  if ((mode ?? user ?? group) !== null && unix === 0 && drafts.length > 0) {
    const text = '"mode", "user" and "group" are ignored: only the file of a unix socket has them';
    report.warning(place, 'ignored-directive', text);
  }
}

/** Listening addresses of one `bind` line; those that are wrong are reported and left out. */
export function convertBind(report: Report, call: Call): readonly BindDraft[] {
  const [list, ...keywords] = call.args;
  if (list === undefined) return [];
  let v6only = false;
  let acceptProxy = false;
  let userTimeoutMs: number | null = null;
  let interfaceName: string | null = null;
  const file = newSocketFile();
  readKeywords(report, BIND_KEYWORDS, keywords, 'a "bind" line', {
    v6only: () => {
      v6only = true;
    },
    v4v6: () => {
      v6only = false;
    },
    'accept-proxy': () => {
      acceptProxy = true;
    },
    interface: (word) => {
      interfaceName = readInterface(report, word);
    },
    ...socketFileKeywords(report, file),
    'tcp-ut': (word) => {
      userTimeoutMs = readTime(report, word, 'tcp-ut');
    },
  });
  const drafts: BindDraft[] = [];
  for (const part of list.text.split(',')) {
    const addresses = parsePart(part, v6only);
    if (!addresses.ok) {
      report.error(list, 'bad-value', addresses.reason);
      continue;
    }
    for (const address of addresses.value) {
      if (drafts.length >= BINDS_MAX) break;
      const bind: BindConfig = {
        address,
        ...(interfaceName === null || address.kind === 'unix' ? {} : { interface: interfaceName }),
        ...(address.kind === 'unix' ? { file } : {}),
        origin: `${report.file}:${list.line}`,
      };
      drafts.push({ bind, place: list, acceptProxy, userTimeoutMs });
    }
  }
  warnOfUnused(report, list, drafts, interfaceName, file);
  return drafts;
}
