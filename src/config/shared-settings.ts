/** What a haproxy.cfg says that should be one for all nodes, by the words that say it. */

import type { CheckConfig } from '../health/kinds/check-kinds.ts';
import type { BackendConfig, FrontendConfig, ServerConfig } from './model/traffic.ts';

/** A setting that is one for all nodes. */
export type Row<Item> = {
  /** In the file's words. */
  readonly label: string;
  /** Directives that say it, by which its place is found; absent: the label. */
  readonly directives?: readonly string[];
  readonly of: (item: Item) => unknown;
  /** ms. */
  readonly isDuration?: true;
};

export const FRONTEND_ROWS: readonly Row<FrontendConfig>[] = [
  { label: 'maxconn', of: ({ connectionsMax }) => connectionsMax },
  { label: 'timeout client', of: ({ clientTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'timeout client-fin', of: ({ clientFinTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'accept-proxy', directives: ['bind'], of: ({ acceptProxy }) => acceptProxy === true },
  { label: 'default_backend', directives: ['default_backend', 'use_backend'], of: rest },
  { label: 'use_backend', of: ({ routes }) => routes },
  { label: 'tcp-request connection', of: ({ connectionRules }) => connectionRules },
  { label: 'tcp-request session', of: ({ sessionRules }) => sessionRules },
  { label: 'tcp-request content', of: ({ inspection }) => inspection },
  {
    label: 'option clitcpka',
    directives: ['option clitcpka', 'option tcpka'],
    of: ({ keepalive }) => keepalive,
  },
];

/** A backend without a name of its own is that of its `listen`. */
function rest({ name, backend }: FrontendConfig): unknown {
  return name === backend ? null : backend;
}

export const BACKEND_ROWS: readonly Row<BackendConfig>[] = [
  { label: 'balance', of: ({ balance }) => balance.kind },
  {
    label: 'hash-type',
    of: ({ balance }) => ('hash' in balance ? balance.hash : undefined),
  },
  { label: 'retries', of: ({ retries }) => retries },
  { label: 'timeout connect', of: ({ connectTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'timeout queue', of: ({ queueTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'timeout server', of: ({ serverTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'timeout server-fin', of: ({ serverFinTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'timeout tunnel', of: ({ tunnelTimeoutMs: ms }) => ms, isDuration: true },
  { label: 'stick on', directives: ['stick on', 'stick match'], of: (each) => each.stickySources },
  { label: 'tcp-request content', of: ({ inspection }) => inspection },
  { label: 'option allbackups', of: ({ allBackups }) => allBackups === true },
  {
    label: 'option srvtcpka',
    directives: ['option srvtcpka', 'option tcpka'],
    of: ({ keepalive }) => keepalive,
  },
];

export const SERVER_ROWS: readonly Row<ServerConfig>[] = [
  { label: 'weight', of: ({ weight }) => weight },
  { label: 'maxconn', of: ({ connectionsMax }) => connectionsMax },
  { label: 'maxqueue', of: ({ queueMax }) => queueMax },
  { label: 'slowstart', of: ({ slowstartMs }) => slowstartMs, isDuration: true },
  { label: 'backup', of: ({ backup }) => backup },
  { label: 'disabled', of: ({ disabled }) => disabled },
  { label: 'send-proxy', of: ({ sendProxy }) => sendProxy },
  { label: 'track', of: ({ follows }) => follows && `${follows.backend}/${follows.server}` },
  {
    label: 'on-marked-down shutdown-sessions',
    of: ({ shutdownSessionsOnDown }) => shutdownSessionsOnDown,
  },
  { label: 'check', of: ({ check }) => check?.kind },
];

/** Of servers that have a check of one kind in both files. */
export const CHECK_ROWS: readonly Row<CheckConfig>[] = [
  { label: 'inter', of: ({ intervalMs }) => intervalMs, isDuration: true },
  { label: 'fastinter', of: (each) => besideInter(each, each.fastIntervalMs), isDuration: true },
  { label: 'downinter', of: (each) => besideInter(each, each.downIntervalMs), isDuration: true },
  { label: 'timeout check', of: (each) => besideInter(each, timeoutOf(each)), isDuration: true },
  { label: 'rise', of: ({ rise }) => rise },
  { label: 'fall', of: ({ fall }) => fall },
  { label: 'port of the check', of: ({ port }) => port },
  { label: 'path of the check', of: (check) => requestOf(check)?.uri },
  { label: 'other words of the check', of: furtherOf },
];

/** undefined: it follows from `inter`, and so does the difference. */
function besideInter({ intervalMs }: CheckConfig, ms: number): number | undefined {
  return ms === intervalMs ? undefined : ms;
}

function timeoutOf({ connectTimeoutMs, responseTimeoutMs }: CheckConfig): number {
  return responseTimeoutMs ?? connectTimeoutMs;
}

function requestOf(check: CheckConfig) {
  return 'request' in check ? check.request : null;
}

/** What has no row, but for files, which are each machine's own. */
function furtherOf(check: CheckConfig): unknown {
  const request = requestOf(check);
  const tls = 'tls' in check && check.tls !== null ? check.tls : null;
  const asked = 'expect' in check ? [check.expect, check.drainOn] : null;
  return [check.passive, { ...request, uri: null }, asked, tls?.verify, tls?.sni, tls?.verifyName];
}
