/**
 * Keywords of `server`, `bind` and `stats socket` lines (configuration manual sections 5.1 and 5.2): how
 * many words each takes and what Evergate does with it.
 */

import { SOURCE_WORDS } from './convert-source.ts';
import { convert, ignore, lose, refuse, type Treatment } from './directives.ts';

export type Keyword = {
  readonly name: string;
  /** Values after the keyword. */
  readonly values: number;
  readonly treatment: Treatment;
};

export type KeywordTable = ReadonlyMap<string, Keyword>;

/** Keywords treated alike; `names` are parted by blanks. */
export function keywords(values: number, names: string, treatment: Treatment): readonly Keyword[] {
  return names.split(' ').map((name) => ({ name, values, treatment }));
}

export function keywordTable(list: readonly Keyword[]): KeywordTable {
  return new Map(list.map((keyword) => [keyword.name, keyword]));
}

const CONVERTED = convert(0, 0);
const HTTP = ignore('it concerns HTTP, which Evergate carries as TCP without reading it');
const TLS_ONLY = ignore('it only matters to TLS, which Evergate passes through');
const PROXY_TLS = refuse(
  'Evergate knows nothing about the TLS it passes through; say "send-proxy-v2"',
);
const AGENT = refuse('Evergate asks no agents; use a health check');
const REDUNDANT = ignore('it is so anyway');
const TUNING = ignore('it tunes the inside of HAProxy');

const TLS_FLAGS =
  'allow-0rtt no-sslv3 no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 force-sslv3 force-tlsv10 ' +
  'force-tlsv11 force-tlsv12 force-tlsv13 no-tls-tickets';
const TLS_VALUES =
  'alpn npn ca-file ciphers ciphersuites crl-file crt ssl-min-ver ssl-max-ver verify';

export const SERVER_KEYWORDS = keywordTable([
  ...keywords(0, 'check no-check backup no-backup disabled enabled', CONVERTED),
  ...keywords(0, 'check-ssl no-check-ssl', CONVERTED),
  ...keywords(1, 'check-sni check-alpn verify verifyhost ca-file crt', CONVERTED),
  ...keywords(1, 'observe error-limit on-error on-marked-down', CONVERTED),
  ...keywords(1, 'inter fastinter downinter rise fall weight maxconn port addr', CONVERTED),
  ...keywords(1, 'maxqueue slowstart tcp-ut on-marked-up track', CONVERTED),
  ...keywords(1, 'source usesrc', CONVERTED),
  ...keywords(1, 'init-addr resolvers resolve-prefer resolve-opts resolve-net', CONVERTED),
  ...keywords(0, 'send-proxy send-proxy-v2 no-send-proxy no-send-proxy-v2', CONVERTED),

  ...keywords(1, 'id', ignore('Evergate numbers servers in the order of the file')),
  ...keywords(1, 'cookie redir max-reuse pool-low-conn pool-max-conn pool-purge-delay ws', HTTP),
  ...keywords(1, 'proto log-proto', HTTP),
  ...keywords(0, 'stick non-stick', ignore('it only matters to stick tables')),
  ...keywords(0, 'no-agent-check no-check-send-proxy', REDUNDANT),
  ...keywords(0, 'no-send-proxy-v2-ssl no-send-proxy-v2-ssl-cn', REDUNDANT),
  ...keywords(0, 'no-ssl no-tfo', REDUNDANT),
  ...keywords(0, `${TLS_FLAGS} no-ssl-reuse ssl-reuse tls-tickets`, TLS_ONLY),
  ...keywords(1, 'alpn npn ciphers ciphersuites ssl-min-ver ssl-max-ver sni', TLS_ONLY),
  ...keywords(1, 'crl-file', lose('checks do not look whether a certificate was revoked')),
  ...keywords(0, 'tfo', ignore('it only spares a round trip while connecting')),

  ...keywords(1, 'minconn', lose('"maxconn" alone bounds the server')),

  ...keywords(0, 'ssl', refuse('Evergate passes TLS through and begins none towards servers')),
  ...keywords(0, 'check-via-socks4', refuse('Evergate connects to servers directly')),
  ...keywords(1, 'check-proto', refuse('checks speak HTTP/1')),
  ...keywords(0, 'send-proxy-v2-ssl send-proxy-v2-ssl-cn', PROXY_TLS),
  ...keywords(0, 'check-send-proxy', lose('checks send no PROXY protocol header')),
  ...keywords(
    1,
    'proxy-v2-options set-proxy-v2-tlv-fmt',
    lose('PROXY protocol headers carry the addresses alone'),
  ),
  ...keywords(0, 'agent-check', AGENT),
  ...keywords(
    1,
    'agent-addr agent-inter agent-port agent-send',
    ignore('it only matters to "agent-check"'),
  ),
  ...[...SOURCE_WORDS].flatMap(([name, why]) => keywords(1, name, refuse(why))),
  ...keywords(1, 'namespace socks4', refuse('Evergate connects to servers directly')),
]);

export const BIND_KEYWORDS = keywordTable([
  ...keywords(0, 'v4v6 v6only accept-proxy', CONVERTED),
  ...keywords(1, 'tcp-ut interface mode user group uid gid', CONVERTED),

  ...keywords(1, 'name id', ignore('listeners carry their addresses as names')),
  ...keywords(1, 'backlog', ignore('Evergate asks the kernel for its longest queue')),
  ...keywords(1, 'nice process thread shards', TUNING),
  ...keywords(0, 'tfo', ignore('it only spares a round trip while connecting')),
  ...keywords(0, 'defer-accept', ignore('the kernel hands over connections as they come')),
  ...keywords(0, 'transparent', ignore('Evergate binds addresses the node does not hold yet')),
  ...keywords(1, 'level severity-output expose-fd', ignore('it only matters to "stats socket"')),
  ...keywords(0, `${TLS_FLAGS} generate-certificates no-ca-names strict-sni`, TLS_ONLY),
  ...keywords(0, 'prefer-client-ciphers', TLS_ONLY),
  ...keywords(1, `${TLS_VALUES} ca-ignore-err ca-sign-file ca-sign-pass ca-verify-file`, TLS_ONLY),
  ...keywords(1, 'crt-ignore-err crt-list curves ecdhe tls-ticket-keys', TLS_ONLY),
  ...keywords(1, 'proto', HTTP),
  ...keywords(1, 'mss', lose('the kernel chooses the segment size')),

  ...keywords(0, 'ssl', refuse('Evergate passes TLS through and terminates none')),
  ...keywords(1, 'accept-netscaler-cip', refuse('Evergate knows "accept-proxy" only')),
  ...keywords(
    1,
    'maxconn',
    lose('"maxconn" in a line of its own bounds the frontend with all of its addresses'),
  ),
  ...keywords(1, 'namespace', refuse('start Evergate inside the network namespace')),
]);

export const STATS_SOCKET_KEYWORDS = keywordTable([
  ...keywords(1, 'mode user group uid gid level', CONVERTED),

  ...keywords(1, 'expose-fd', ignore('the guardian keeps the listening sockets over a reload')),
  ...keywords(1, 'process thread nice id name backlog maxconn', TUNING),
  ...keywords(1, 'severity-output', lose('replies carry no severity')),
]);
