/**
 * A `mode http` proxy: the stats page, Prometheus's metrics and monitor-uri. Answers look like HAProxy's, status lines, header names
 * and bodies included, because scripts compare them.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { nodeCrypto, nodeHttp } from '../../builtins.ts';
import type { HttpFrontendConfig, StatsPageConfig } from '../../config/model/traffic.ts';
import { monitorFails } from '../../health/monitor.ts';
import { type ActionCode, FORM_BYTES_MAX, parseAdminForm } from '../../stats/admin-form.ts';
import { csvTable } from '../../stats/csv.ts';
import { escapeHtml, statsPage } from '../../stats/html.ts';
import { METRICS_TYPE } from '../../stats/metrics/exposition.ts';
import { metricsText } from '../../stats/metrics/metrics.ts';
import { type PageRequest, pageAddress, parsePageAddress } from '../../stats/page-address.ts';
import { ALL_ROWS, filterRows } from '../../stats/rows.ts';
import type { AdminContext } from './context.ts';
import { countBytes, countResponse, type HttpProxyCounts } from './http-counts.ts';
import { PageConnections } from './page-connections.ts';
import { applyAdminForm } from './stats-post.ts';

/**
 * A request that has not arrived whole by then is dropped (HAProxy: timeout http-request), and so is a
 * client that says nothing, or takes nothing of an answer, for so long.
 */
const REQUEST_LIMIT_MS = 10_000;

const NO_SERVER = 'No server is available to handle this request.';

type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly type?: string;
};

/** A server for one frontend; the caller makes it listen and closes it. Errors of clients end only them. */
export function createHttpFrontend(
  frontend: HttpFrontendConfig,
  counts: HttpProxyCounts,
  context: AdminContext,
): Server {
  const { clientTimeoutMs } = frontend;
  const patienceMs = Math.min(clientTimeoutMs || REQUEST_LIMIT_MS, REQUEST_LIMIT_MS);
  const options = {
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    connectionsCheckingInterval: Math.min(patienceMs, 1000),
    // HAProxy serves HTTP/1.1 without it, and simple health checkers send none.
    requireHostHeader: false,
    keepAliveTimeout: patienceMs,
  };
  const connections = new PageConnections(frontend.connectionsMax, counts);
  const server = nodeHttp().createServer(options, (request, response) => {
    counts.requests++;
    connections.noteRequest(request.socket);
    respond(frontend, request, context)
      .then((answer) => send(request, response, answer, counts))
      // The client went away while its request was read.
      .catch(() => response.destroy());
  });
  server.setTimeout(patienceMs);
  server.on('connection', (socket) => {
    countBytes(counts, socket);
    connections.admit(socket)?.resetAndDestroy();
  });
  return server;
}

async function respond(
  frontend: HttpFrontendConfig,
  request: IncomingMessage,
  context: AdminContext,
): Promise<Answer> {
  const target = request.url ?? '';
  // A client that takes us for its proxy sends the whole address (RFC 9112 section 3.2.2).
  const address = target.replace(/^https?:\/\/[^/?]*/i, '');
  if (frontend.monitorUri !== null && [address, target].includes(frontend.monitorUri)) {
    return monitor(frontend, context);
  }
  if (isMetricsRequest(frontend, request)) return metrics(frontend, address, request, context);
  const page = frontend.stats === null ? null : parsePageAddress(frontend.stats.uri, address);
  const method = request.method ?? '';
  if (frontend.stats === null || page === null || !['GET', 'HEAD', 'POST'].includes(method)) {
    return nothingHere(frontend);
  }
  if (!isAuthorized(frontend.stats, request.headers.authorization)) {
    return unauthorized(frontend.stats);
  }
  if (method === 'POST') return post(frontend.stats, page, request, context);
  return show(frontend.stats, page, context);
}

/** HAProxy's answer, and where to look instead; a page that nobody needs a password for may be hidden by its path. */
function nothingHere({ stats, metrics: config }: HttpFrontendConfig): Answer {
  const guarded = stats !== null && stats.users.length > 0;
  const served = [
    ...(guarded ? [`The statistics are at ${escapeHtml(stats.uri)}.`] : []),
    config === undefined
      ? 'Metrics are served where the configuration asks for them.'
      : `Metrics are at ${escapeHtml(config.path ?? 'every other path')}.`,
  ];
  return notice(503, 'Service Unavailable', [NO_SERVER, ...served].join('\n'));
}

/** One that asks for every path leaves the stats page its own. */
function isMetricsRequest(
  { metrics, stats }: HttpFrontendConfig,
  request: IncomingMessage,
): boolean {
  if (metrics === undefined || !['GET', 'HEAD'].includes(request.method ?? '')) return false;
  const [path = ''] = (request.url ?? '').split('?');
  if (metrics.path !== null) return path === metrics.path;
  return stats === null || parsePageAddress(stats.uri, request.url ?? '') === null;
}

function metrics(
  { metrics: config, stats }: HttpFrontendConfig,
  address: string,
  request: IncomingMessage,
  context: AdminContext,
): Answer {
  if (
    config?.guarded === true &&
    stats !== null &&
    !isAuthorized(stats, request.headers.authorization)
  ) {
    return unauthorized(stats);
  }
  const scopes = [...address.matchAll(/[?&]scope=([\w*]{1,16})/g)].map(([, scope = '']) => scope);
  const sources = { rows: context.rows(), info: context.info(), facts: context.facts() };
  return { status: 200, type: METRICS_TYPE, body: metricsText(sources, scopes) };
}

function monitor({ monitorFail }: HttpFrontendConfig, { table }: AdminContext): Answer {
  const failing = monitorFails(
    monitorFail ?? [],
    (name) => table.backends.find(({ config }) => config.name === name) ?? null,
  );
  return failing
    ? notice(503, 'Service Unavailable', NO_SERVER)
    : notice(200, 'OK', 'Service ready.');
}

function show(stats: StatsPageConfig, page: PageRequest, context: AdminContext): Answer {
  if (page.format === 'unavailable') {
    const body = 'This format is not available; use ";csv" instead\n';
    return { status: 501, type: 'text/plain', body };
  }
  const { upOnly, scope } = page;
  const rows = filterRows(context.rows(), { ...ALL_ROWS, upOnly, scope });
  const refresh = stats.refreshSeconds > 0 && !page.noRefresh;
  const headers: Record<string, string> = refresh ? { refresh: String(stats.refreshSeconds) } : {};
  if (page.format === 'csv') {
    return { status: 200, headers, type: 'text/plain', body: csvTable(rows, { legends: false }) };
  }
  const { uri, hideVersion, showNode, admin } = stats;
  const refreshes = stats.refreshSeconds > 0;
  const options = { uri, request: page, hideVersion, showNode, refreshes, admin };
  return { status: 200, headers, body: statsPage(rows, context.info(), options) };
}

async function post(
  stats: StatsPageConfig,
  page: PageRequest,
  request: IncomingMessage,
  context: AdminContext,
): Promise<Answer> {
  const code = await postCode(stats, request, context);
  const location = pageAddress(stats.uri, { ...page, action: code });
  return { status: 303, headers: { location }, type: 'text/plain', body: '' };
}

async function postCode(
  stats: StatsPageConfig,
  request: IncomingMessage,
  context: AdminContext,
): Promise<ActionCode> {
  const body = await readBody(request);
  if (!stats.admin || !isOwnPage(request)) return 'DENY';
  if (body === null) return 'EXCD';
  return applyAdminForm(parseAdminForm(body), context);
}

/** null: longer than a form may be; the rest is then read and thrown away, within the request's time. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= FORM_BYTES_MAX) chunks.push(chunk);
  }
  return bytes > FORM_BYTES_MAX ? null : Buffer.concat(chunks).toString('utf8');
}

/**
 * Browsers say which page a form came from and carry the password along by themselves: a form of a foreign
 * page must not disable servers. Clients that say nothing (curl, scripts) are let in, as with HAProxy.
 */
function isOwnPage({ headers }: IncomingMessage): boolean {
  const source = headers.origin ?? headers.referer;
  if (source === undefined) return true;
  return headers.host !== undefined && URL.parse(source)?.host === headers.host.toLowerCase();
}

/** Compares digests, and all of them: the time taken tells nothing about names or passwords. */
function isAuthorized(stats: StatsPageConfig, header: string | undefined): boolean {
  if (stats.users.length === 0) return true;
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(header ?? '') ?? [];
  const given = digest(Buffer.from(encoded ?? '', 'base64').toString('utf8'));
  let authorized = false;
  for (const { name, password } of stats.users) {
    if (nodeCrypto().timingSafeEqual(given, digest(`${name}:${password}`))) authorized = true;
  }
  return authorized && encoded !== undefined;
}

function unauthorized({ realm }: StatsPageConfig): Answer {
  return {
    ...notice(401, 'Unauthorized', 'You need a valid user and password to access this content.'),
    headers: { 'www-authenticate': `Basic realm="${realm}"` },
  };
}

function digest(text: string): Buffer {
  return nodeCrypto().createHash('sha256').update(text).digest();
}

function notice(status: number, title: string, text: string): Answer {
  return { status, body: `<html><body><h1>${status} ${title}</h1>\n${text}\n</body></html>\n` };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  counts: HttpProxyCounts,
): void {
  countResponse(counts, answer.status);
  response.sendDate = false;
  response.writeHead(answer.status, {
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-cache',
    'content-type': answer.type ?? 'text/html',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? '' : answer.body);
}
