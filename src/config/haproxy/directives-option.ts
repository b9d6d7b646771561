/** The `option ...` directives of proxies (configuration manual section 4.2). */

import { convert, type Directive, ignore, lose, refuse, rows } from './directives.ts';

const HTTP = ignore('it concerns HTTP, which Evergate carries as TCP without reading it');
const LOGGING = lose('a connection is logged once, when it ends');
const SPLICING = ignore('Evergate always lets the kernel move the bytes');
const QUICK_ACK = ignore('Evergate leaves acknowledgements to the kernel');
const COUNTING = ignore('Evergate always counts while connections last');

export const OPTION_ROWS: readonly Directive[] = [
  ...rows('dflb', 'option tcplog', convert(0, 0)),
  ...rows('dfl', 'option httplog', convert(0, 1)),
  ...rows('dfl', 'option dontlognull', convert(0, 0)),
  ...rows('dlb', 'option log-health-checks', convert(0, 0)),
  ...rows('dflb', 'option tcpka', convert(0, 0)),
  ...rows('dfl', 'option clitcpka', convert(0, 0)),
  ...rows('dlb', 'option srvtcpka', convert(0, 0)),
  ...rows('dlb', 'option redispatch', convert(0, 1, 'drop')),
  ...rows('dlb', 'option tcp-check,option ssl-hello-chk,option external-check', convert(0, 0)),
  ...rows('dlb', 'option httpchk', convert(0, 8)),
  ...rows('dlb', 'option ldap-check,option redis-check,option spop-check', convert(0, 0)),
  ...rows('dlb', 'option mysql-check,option pgsql-check,option smtpchk', convert(0, 8)),

  ...rows('dfl', 'option httpslog', lose('connections are logged as by "option tcplog"')),
  ...rows('dfl', 'option tcp-smart-accept', QUICK_ACK),
  ...rows('dlb', 'option tcp-smart-connect', QUICK_ACK),
  ...rows('dflb', 'option splice-auto,option splice-request,option splice-response', SPLICING),
  ...rows('dfl', 'option contstats,option socket-stats', COUNTING),
  ...rows(
    'dlb',
    'option abortonclose',
    lose('a waiting client that only finished keeps its place'),
  ),
  ...rows('dlb', 'option persist', ignore('it only matters to cookies')),
  ...rows('dflb', 'option forwardfor,option originalto,option http-server-close', HTTP),
  ...rows('dflb', 'option httpclose,option http-keep-alive,option http-no-delay', HTTP),
  ...rows('dflb', 'option http-buffer-request,option http-restrict-req-hdr-names', HTTP),
  ...rows('dfl', 'option http-ignore-probes,option http-use-proxy-header', HTTP),
  ...rows('dfl', 'option accept-invalid-http-request,option disable-h2-upgrade', HTTP),
  ...rows('dfl', 'option h1-case-adjust-bogus-client,option idle-close-on-response', HTTP),
  ...rows('dlb', 'option accept-invalid-http-response,option checkcache', HTTP),
  ...rows('dlb', 'option h1-case-adjust-bogus-server,option http-pretend-keepalive', HTTP),
  ...rows('dlb', 'option prefer-last-server', HTTP),

  ...rows('dfl', 'option logasap', LOGGING),
  ...rows('dfl', 'option dontlog-normal', lose('every connection is logged')),
  ...rows('dfl', 'option log-separate-errors', lose('every connection is logged at one level')),
  ...rows('dflb', 'option nolinger', lose('connections end in the orderly way')),

  ...rows('dlb', 'option allbackups', convert(0, 0)),
  ...rows('dlb', 'option transparent', refuse('Evergate needs "server" lines to know where to go')),
  ...rows('dflb', 'option independent-streams', lose('timeouts hold for both directions')),
];
