/** Directives of the `global` section (configuration manual section 3), and the other sections. */

import { convert, ignore, lose, refuse, rows, tableOf } from './directives.ts';

const TUNING = ignore('it tunes the inside of HAProxy');
const TLS = ignore('Evergate passes TLS through and terminates none');
const HTTP = ignore('Evergate carries TCP and does not read HTTP');
const LUA = refuse('Evergate runs no Lua');
const RATE = refuse('Evergate does not limit rates');
const DEVICES = ignore('Evergate does not read HTTP and detects no devices');
const RIGHTS = ignore('Evergate drops its rights by itself');

export const GLOBAL_DIRECTIVES = tableOf([
  ...rows('', 'log', convert(1, 16)),
  ...rows('', 'maxconn,user,group,uid,gid,node,nbthread,hard-stop-after', convert(1, 1)),
  ...rows('', 'stats socket', convert(1, 60)),
  ...rows('', 'setenv,presetenv', convert(2, 2)),
  ...rows('', 'unsetenv', convert(1, 60)),
  ...rows('', 'resetenv', convert(0, 60)),

  ...rows('', 'daemon', ignore('Evergate stays in the foreground, as a service manager expects')),
  ...rows(
    '',
    'master-worker,mworker-max-reloads',
    ignore('Evergate always runs a guardian that supervises the balancer'),
  ),
  ...rows('', 'chroot', ignore('the balancer runs without rights and opens no files of its own')),
  ...rows(
    '',
    'pidfile',
    ignore('Evergate writes guardian.pid and balancer.pid into the directory given by --run-dir'),
  ),
  ...rows('', 'nbproc', ignore('Evergate runs relay threads in one process; say nbthread')),
  ...rows('', 'ulimit-n,fd-hard-limit', ignore("the limit of open files is the service manager's")),
  ...rows(
    '',
    'spread-checks,max-spread-checks',
    ignore('it only shifts the times of checks a little'),
  ),
  ...rows('', 'stats timeout,stats maxconn', ignore('the runtime socket bounds its own clients')),
  ...rows('', 'stats bind-process,process,bind-process', ignore('there is one balancer process')),
  ...rows('', 'description', ignore('it is a note')),
  ...rows('', 'quiet,zero-warning', ignore('warnings are always printed and never fatal')),
  ...rows('', 'strict-limits', ignore('it only says whether a limit that cannot be had is fatal')),
  ...rows('', 'insecure-fork-wanted,insecure-setuid-wanted,set-dumpable,external-check', RIGHTS),
  ...rows('', 'cpu-map,numa-cpu-mapping,thread-group,thread-groups,thread-hard-limit', TUNING),
  ...rows('', 'busy-polling,noepoll,nopoll,nokqueue,noevports,nogetaddrinfo,nosplice', TUNING),
  ...rows('', 'noreuseport,no-memory-trimming,maxpipes,profiling.tasks,profiling.memory', TUNING),
  ...rows('', 'default-path,localpeer,cluster-secret,pp2-never-send-local,grace', TUNING),
  ...rows('', 'expose-experimental-directives,expose-deprecated-directives', TUNING),
  ...rows('', 'tune.*', TUNING),
  ...rows('', 'set-var,set-var-fmt', ignore('variables only matter to rules')),
  ...rows('', 'maxcompcpuusage,maxcomprate,maxzlibmem', HTTP),
  ...rows('', 'h1-case-adjust,h1-case-adjust-file,h1-accept-payload-with-any-method', HTTP),
  ...rows('', 'h2-workaround-bogus-websocket-clients', HTTP),
  ...rows('', 'httpclient.resolvers.id,httpclient.resolvers.prefer,httpclient.ssl.ca-file', HTTP),
  ...rows('', 'httpclient.ssl.verify,httpclient.retries,httpclient.timeout.connect', HTTP),
  ...rows('', 'ca-base,crt-base,issuers-chain-path,maxsslconn,maxsslrate', TLS),
  ...rows(
    '',
    'ssl-default-bind-ciphers,ssl-default-bind-ciphersuites,ssl-default-bind-curves',
    TLS,
  ),
  ...rows('', 'ssl-default-bind-options,ssl-default-server-ciphers', TLS),
  ...rows('', 'ssl-default-server-ciphersuites,ssl-default-server-options,ssl-dh-param-file', TLS),
  ...rows('', 'ssl-engine,ssl-load-extra-del-ext,ssl-load-extra-files,ssl-mode-async', TLS),
  ...rows('', 'ssl-propquery,ssl-provider,ssl-provider-path,ssl-server-verify', TLS),
  ...rows('', 'ssl-skip-self-issued-ca', TLS),
  ...rows('', '51degrees-data-file,51degrees-property-name-list', DEVICES),
  ...rows('', '51degrees-property-separator,51degrees-cache-size', DEVICES),
  ...rows('', 'deviceatlas-json-file,deviceatlas-log-level,deviceatlas-separator', DEVICES),
  ...rows('', 'deviceatlas-properties-cookie,wurfl-data-file,wurfl-information-list', DEVICES),
  ...rows('', 'wurfl-information-list-separator,wurfl-cache-size', DEVICES),

  ...rows('', 'log-tag', lose('log lines carry the tag "haproxy"')),
  ...rows('', 'log-send-hostname', lose('log lines carry no host name')),
  ...rows('', 'close-spread-time', lose('connections are ended all at once')),
  ...rows(
    '',
    'server-state-base,server-state-file',
    lose('every server starts as the file says and is checked at once'),
  ),

  ...rows('', 'maxconnrate,maxsessrate', RATE),
  ...rows('', 'lua-load,lua-load-per-thread,lua-prepend-path', LUA),
  ...rows('', 'unix-bind', refuse('give the full path in "bind" itself')),
]);

export type SectionTreatment =
  | { readonly does: 'convert' }
  | { readonly does: 'ignore' | 'refuse'; readonly why: string };

/** Sections by their keyword. */
export const SECTIONS: ReadonlyMap<string, SectionTreatment> = new Map<string, SectionTreatment>([
  ['global', { does: 'convert' }],
  ['defaults', { does: 'convert' }],
  ['frontend', { does: 'convert' }],
  ['backend', { does: 'convert' }],
  ['listen', { does: 'convert' }],
  ['resolvers', { does: 'convert' }],
  ['userlist', { does: 'ignore', why: 'user lists only matter to HTTP rules' }],
  ['peers', { does: 'ignore', why: 'peers only share stick tables' }],
  ['cache', { does: 'ignore', why: 'Evergate does not read HTTP' }],
  ['http-errors', { does: 'ignore', why: 'Evergate does not read HTTP' }],
  ['fcgi-app', { does: 'ignore', why: 'Evergate does not read HTTP' }],
  ['mailers', { does: 'ignore', why: 'Evergate sends no mail; watch its log or metrics instead' }],
  ['ring', { does: 'ignore', why: 'Evergate logs to syslog, stdout or stderr' }],
  [
    'log-forward',
    { does: 'refuse', why: 'Evergate forwards no syslog; leave that to a log daemon' },
  ],
  [
    'program',
    { does: 'refuse', why: 'Evergate starts no other programs; use the service manager' },
  ],
]);
