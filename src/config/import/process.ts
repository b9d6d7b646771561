/** Stats page, runtime socket, logs, limits: what is the balancer's own. */

import { addressWithPort } from '../../core/ip-address.ts';
import { LOGS_MAX, USERS_MAX } from '../evergate-yaml/defaults.ts';
import { FACILITIES, LEVELS } from '../haproxy/convert-log.ts';
import type { BalancerConfig } from '../model/config.ts';
import type { LogTarget } from '../model/process.ts';
import { block, durationText, type ImportDraft, type Value } from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import { listens } from './listen.ts';

const CONNECTIONS_MAX = 1_000_000;
const RELAYS_MAX = 64;
const METRICS_PATH = '/metrics';

type Context = {
  readonly lines: HaproxyLines;
  readonly file: string;
  readonly bareIsIpv4: boolean;
};

function writeStats(draft: ImportDraft, { httpFrontends }: BalancerConfig, context: Context): void {
  const { lines } = context;
  const pages = httpFrontends.filter(({ stats }) => stats !== null);
  const [page, ...others] = pages;
  for (const { name } of others) {
    const place = lines.frontend(name, ['bind']);
    draft.remark('left-out', 'stats', place, `The stats page "${name}": there is one`);
  }
  for (const { name, stats } of httpFrontends) {
    if (stats !== null) continue;
    const place = lines.frontend(name, ['bind', 'monitor-uri']);
    draft.remark(
      'left-out',
      'stats',
      place,
      `The page "${name}": "stats" has the statistics and the metrics`,
    );
  }
  const { stats = null } = page ?? {};
  if (page === undefined || stats === null) return;
  draft.set(['stats', 'listen'], listens(draft, page.binds, { ...context, key: 'stats.listen' }));
  const place = lines.frontend(page.name, ['stats uri']);
  const isFree = stats.uri.split('?', 1)[0] !== METRICS_PATH && /^\/[!-~]{0,1023}$/.test(stats.uri);
  if (!isFree)
    draft.remark(
      'changed',
      'stats.uri',
      place,
      `The page is at "/": "${stats.uri}" is taken, or no path`,
    );
  else if (stats.uri !== '/') draft.set(['stats', 'uri'], stats.uri);
  const users = stats.users.slice(0, USERS_MAX);
  if (users.length > 0) {
    draft.set(
      ['stats', 'users'],
      block(users.map(({ name, password }): [string, Value] => [name, password])),
    );
  }
  if (stats.admin) draft.set(['stats', 'admin'], true);
  if (stats.refreshSeconds > 0) {
    draft.set(['stats', 'refresh'], durationText(Math.min(stats.refreshSeconds * 1000, 3_600_000)));
  }
}

function writeSocket(draft: ImportDraft, { process }: BalancerConfig, lines: HaproxyLines): void {
  const place = lines.global(['stats socket']);
  const [socket, ...others] = process.statsSockets;
  if (others.length > 0)
    draft.remark('left-out', 'runtime-socket', place, 'Further runtime sockets: there is one');
  if (socket === undefined) return;
  const { path, mode, user, group, level } = socket;
  draft.set(['runtime-socket', 'path'], path);
  if (mode === null) {
    draft.remark(
      'changed',
      'runtime-socket.mode',
      place,
      'The runtime socket is for its owner alone (0600)',
    );
  } else draft.set(['runtime-socket', 'mode'], mode.toString(8).padStart(4, '0'));
  if (user !== null) draft.set(['runtime-socket', 'user'], user);
  if (group !== null) draft.set(['runtime-socket', 'group'], group);
  draft.set(['runtime-socket', 'level'], level);
}

function targetText({ address }: LogTarget): string {
  if (address.kind === 'unix') return address.path;
  return address.kind === 'udp' ? addressWithPort(address.host, address.port) : address.kind;
}

function writeLogs(
  draft: ImportDraft,
  { process, frontends }: BalancerConfig,
  lines: HaproxyLines,
): void {
  const connections = frontends.flatMap(({ log }) => log.targets).map(targetText);
  const place = lines.global(['log']);
  const targets = [...process.logs, ...frontends.flatMap(({ log }) => log.targets)];
  const kept = new Map<string, LogTarget>();
  for (const target of targets) {
    const to = targetText(target);
    if (!kept.has(to) && kept.size < LOGS_MAX) kept.set(to, target);
    if (target.levelMin > 0 || target.format === 'raw') {
      draft.remark('left-out', 'logs', place, `Log to ${to}: its format and its lowest level`);
    }
  }
  const entries = [...kept].map(([to, { facility, levelMax }]) =>
    block(
      [
        ['to', to],
        ['facility', FACILITIES[facility] ?? 'local0'],
        ['level', LEVELS[levelMax] ?? 'info'],
        ['connections', connections.includes(to)],
      ],
      true,
    ),
  );
  if (entries.length > 0) draft.set(['logs'], entries);
  if (frontends.some(({ log }) => log.targets.length > 0 && log.format === 'connect')) {
    draft.remark(
      'changed',
      'logs',
      place,
      'A connection is logged when it ends, by the line of "option tcplog"',
    );
  }
}

function writeLimits(
  draft: ImportDraft,
  { process, frontends }: BalancerConfig,
  lines: HaproxyLines,
): void {
  const [only] = frontends;
  const own = frontends.length === 1 ? (only?.connectionsMax ?? 0) : 0;
  const limits = [process.connectionsMax, own].filter((limit) => limit > 0);
  if (limits.length > 0) {
    const origin = 'maxconn; 0 and no key would be as many as the limit of open files carries';
    draft.set(['balancer', 'max-connections'], Math.min(...limits, CONNECTIONS_MAX), { origin });
  }
  for (const { name, connectionsMax } of frontends.length === 1 ? [] : frontends) {
    if (connectionsMax === 0 || connectionsMax === process.connectionsMax) continue;
    const text = `"maxconn" ${connectionsMax} of "${name}": services have no limit each, "balancer.max-connections" is that of all`;
    draft.remark('left-out', 'balancer.max-connections', lines.frontend(name, ['maxconn']), text);
  }
  if (process.relays > 0) draft.set(['balancer', 'threads'], Math.min(process.relays, RELAYS_MAX));
  if (process.hardStopAfterMs !== undefined) {
    draft.set(
      ['balancer', 'hard-stop-after'],
      durationText(Math.max(1000, process.hardStopAfterMs)),
    );
  }
  if (process.user === null && process.group === null) return;
  const text = 'The balancer runs by an account of its own, "evergate", and not by that of haproxy';
  draft.remark('changed', 'balancer.user', lines.global(['user', 'uid', 'group', 'gid']), text);
}

export function writeProcess(draft: ImportDraft, balancer: BalancerConfig, context: Context): void {
  const { lines } = context;
  writeStats(draft, balancer, context);
  writeSocket(draft, balancer, lines);
  writeLogs(draft, balancer, lines);
  writeLimits(draft, balancer, lines);
}
