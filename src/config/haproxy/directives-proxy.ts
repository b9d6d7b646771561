/**
 * Directives of `defaults`, `frontend`, `listen` and `backend` (configuration manual section 4), with
 * the sections its matrix 4.1 allows them in.
 */

import { convert, ignore, lose, refuse, rows, tableOf } from './directives.ts';
import { OPTION_ROWS } from './directives-option.ts';

const HTTP = ignore('it concerns HTTP, which Evergate carries as TCP without reading it');
const HTTP_RULES = refuse('Evergate does not read HTTP and applies no HTTP rules');
const TCP_RULES = refuse('what servers say is passed on unread');
const STICKY = refuse('say "stick on src", or "balance source", for sticky clients');
const CHECK_TALK = refuse('checks speak TLS and HTTP; say "option httpchk" with its rules');
const CHECK_VARIABLES = refuse('checks keep no variables');
const MAIL = lose('Evergate sends no mail; watch its log or metrics instead');
const INSPECTION = ignore('it only matters to rules that inspect content');
const REMOVED = refuse('HAProxy itself has dropped it');

export const PROXY_DIRECTIVES = tableOf([
  ...OPTION_ROWS,
  ...rows('dflb', 'mode', convert(1, 1)),
  ...rows('dfl', 'maxconn', convert(1, 1)),
  ...rows('dfl', 'default_backend', convert(1, 1)),
  ...rows('fl', 'use_backend', convert(1, 64)),
  ...rows('fl', 'bind', convert(1, 60)),
  ...rows('lb', 'server', convert(2, 63)),
  ...rows('lb', 'server-template', convert(3, 64)),
  ...rows('dlb', 'default-server', convert(1, 63)),
  ...rows('dlb', 'balance', convert(0, 1, 'drop')),
  ...rows('dlb', 'hash-type', convert(1, 3)),
  ...rows('flb', 'stick-table', convert(2, 64)),
  ...rows('lb', 'stick on,stick match,stick store-request', convert(1, 64)),
  ...rows('dlb', 'retries', convert(1, 1)),
  ...rows('dflb', 'log', convert(1, 16)),
  ...rows('dfl', 'log-format', convert(1, 1)),
  ...rows('dfl', 'monitor-uri', convert(1, 1)),
  ...rows('fl', 'monitor fail', convert(2, 64)),
  ...rows('dflb', 'enabled,disabled', convert(0, 0)),
  ...rows('dfl', 'clitcpka-cnt,clitcpka-idle,clitcpka-intvl', convert(1, 1)),
  ...rows('dlb', 'srvtcpka-cnt,srvtcpka-idle,srvtcpka-intvl', convert(1, 1)),
  ...rows('dfl', 'tcp-request connection,tcp-request session', convert(1, 64)),
  ...rows('dflb', 'tcp-request content', convert(1, 64)),
  ...rows('dflb', 'tcp-request inspect-delay', convert(1, 1, 'drop')),
  ...rows('dflb', 'acl', convert(2, 64)),
  ...rows('dfl', 'timeout client,timeout client-fin', convert(1, 1)),
  ...rows('dlb', 'timeout connect,timeout server,timeout server-fin', convert(1, 1)),
  ...rows('dlb', 'timeout tunnel,timeout check,timeout queue', convert(1, 1)),
  ...rows('dflb', 'stats enable,stats hide-version', convert(0, 0, 'drop')),
  ...rows('dflb', 'stats uri,stats realm,stats auth,stats refresh', convert(1, 1, 'drop')),
  ...rows('dflb', 'stats show-node', convert(0, 1, 'drop')),
  ...rows('flb', 'stats admin', convert(2, 16)),

  ...rows(
    'dflb',
    'stats show-legends,stats show-desc,stats show-modules',
    lose('the stats page shows what it has to show'),
  ),
  ...rows('dflb', 'stats scope', refuse('the stats page shows every proxy')),
  ...rows('flb', 'stats http-request', refuse('the stats page knows "stats auth" only')),
  ...rows('flb', 'description', ignore('it is a note')),
  ...rows('flb', 'id', ignore('Evergate numbers proxies in the order of the file')),
  ...rows('dfl', 'backlog', ignore('Evergate asks the kernel for its longest queue')),
  ...rows('dflb', 'bind-process', ignore('there is one balancer process')),
  ...rows('dflb', 'timeout http-request,timeout http-keep-alive,timeout tarpit', HTTP),
  ...rows('dlb', 'fullconn', ignore('it only matters to "minconn"')),
  ...rows('dlb', 'max-keep-alive-queue,http-reuse,http-send-name-header,retry-on', HTTP),
  ...rows('dlb', 'cookie', HTTP),
  ...rows('lb', 'ignore-persist,force-persist', HTTP),
  ...rows('dflb', 'compression,errorfile,errorfiles,errorloc,errorloc302,errorloc303', HTTP),
  ...rows('dflb', 'http-error,http-after-response', HTTP),
  ...rows('fl', 'capture cookie,capture request,capture response,declare capture', HTTP),
  ...rows('dfl', 'unique-id-format,unique-id-header', HTTP),
  ...rows('lb', 'use-fcgi-app', HTTP),
  ...rows('dlb', 'tcp-response inspect-delay', INSPECTION),
  ...rows(
    'dlb',
    'external-check command,external-check path',
    ignore('it only matters to "option external-check"'),
  ),
  ...rows(
    'dlb',
    'server-state-file-name,load-server-state-from-file',
    lose('every server starts as the file says and is checked at once'),
  ),

  ...rows(
    'dfl',
    'log-format-sd,error-log-format',
    lose('connections are logged as by "option tcplog"'),
  ),
  ...rows('dflb', 'log-tag', lose('log lines carry the tag "haproxy"')),
  ...rows('dflb', 'email-alert from,email-alert level,email-alert mailers', MAIL),
  ...rows('dflb', 'email-alert myhostname,email-alert to', MAIL),

  // Its own kind of rule: the exporter is a page, not something done to traffic.
  ...rows('dflb', 'http-request use-service', convert(1, 16)),
  ...rows('dflb', 'http-request,http-response', HTTP_RULES),
  ...rows('flb', 'redirect', HTTP_RULES),
  ...rows('lb', 'use-server', refuse('"balance" alone chooses the server')),
  ...rows('dlb', 'tcp-response content', TCP_RULES),
  ...rows('flb', 'filter', TCP_RULES),
  ...rows('lb', 'stick store-response', STICKY),
  ...rows('dlb', 'persist rdp-cookie', STICKY),
  ...rows('dlb', 'http-check connect,tcp-check connect', convert(0, 24)),
  ...rows('dlb', 'http-check send', convert(1, 64)),
  ...rows('dlb', 'http-check expect', convert(2, 16)),
  ...rows('dlb', 'http-check disable-on-404', convert(0, 0)),
  ...rows('dlb', 'http-check send-state', lose('a server is not told what is thought of it')),
  ...rows('dlb', 'http-check set-var,http-check unset-var,http-check set-var-fmt', CHECK_VARIABLES),
  ...rows('dlb', 'tcp-check set-var,tcp-check unset-var,tcp-check set-var-fmt', CHECK_VARIABLES),
  ...rows('dlb', 'tcp-check expect,tcp-check send,tcp-check send-lf', CHECK_TALK),
  ...rows('dlb', 'tcp-check send-binary,tcp-check send-binary-lf', CHECK_TALK),
  ...rows('dlb', 'http-check comment,tcp-check comment', ignore('it is a note')),
  ...rows(
    'dfl',
    'rate-limit sessions',
    lose('connections of all clients together are not limited by rate'),
  ),
  ...rows('lb', 'dispatch', refuse('name the servers in "server" lines')),
  ...rows('dlb', 'transparent', refuse("Evergate does not connect to a client's own target")),
  ...rows('dlb', 'source', convert(1, 5)),
  ...rows(
    'dflb',
    'clitimeout,contimeout,srvtimeout',
    refuse(
      'HAProxy itself has dropped it; say "timeout client", "timeout connect" or "timeout server"',
    ),
  ),
  ...rows('dlb', 'redispatch', refuse('HAProxy itself has dropped it; say "option redispatch"')),
  ...rows('dflb', 'block,reqadd,reqallow,reqdel,reqdeny,reqiallow,reqidel', REMOVED),
  ...rows('dflb', 'reqideny,reqipass,reqirep,reqitarpit,reqpass,reqrep,reqtarpit', REMOVED),
  ...rows('dflb', 'rspadd,rspdel,rspdeny,rspidel,rspideny,rspirep,rsprep', REMOVED),
  ...rows('dfl', 'monitor-net', REMOVED),
]);
