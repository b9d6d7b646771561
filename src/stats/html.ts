/**
 * The stats page: HAProxy's columns and forms in clean HTML. Scripts and agents read it, too: they look for
 * "HAProxy version" and "uptime = ", and post what the forms post (admin-form.ts).
 */

import { actionText } from './admin-form.ts';
import { SERVER } from './catalogue.ts';
import { shownValue } from './counts.ts';
import { shortDuration, uptimeText } from './durations.ts';
import { PAGE_STYLE } from './html-style.ts';
import type { ProcessInfo } from './info.ts';
import { type PageRequest, pageAddress } from './page-address.ts';
import type { BackendRow, FrontendRow, RowState, ServerRow, StatRow } from './rows.ts';

export type PageOptions = {
  readonly uri: string;
  readonly request: PageRequest;
  readonly hideVersion: boolean;
  readonly showNode: boolean;
  /** Whether the page asks the browser to read it again and again. */
  readonly refreshes: boolean;
  /** Whether the page carries forms that change servers. */
  readonly admin: boolean;
};

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Queue', ['Cur', 'Max', 'Limit']],
  ['Session rate', ['Cur', 'Max', 'Limit']],
  ['Sessions', ['Cur', 'Max', 'Limit', 'Total', 'LbTot', 'Last']],
  ['Bytes', ['In', 'Out']],
  ['Denied', ['Req', 'Resp']],
  ['Errors', ['Req', 'Conn', 'Resp']],
  ['Warnings', ['Retr', 'Redis']],
  ['Server', ['Status', 'LastChk', 'Wght', 'Act', 'Bck', 'Chk', 'Dwn', 'Dwntme', 'Thrtle']],
];

const LEGEND: readonly (readonly [RowState, string])[] = [
  ['up', 'UP'],
  ['going-down', 'UP, going down'],
  ['going-up', 'DOWN, going up'],
  ['down', 'DOWN'],
  ['maint', 'Maintenance (MAINT)'],
  ['drain', 'Draining (DRAIN, NOLB)'],
  ['unchecked', 'Not checked'],
];

/** The page as a whole; every value that comes from outside is escaped. */
export function statsPage(
  rows: readonly StatRow[],
  info: ProcessInfo,
  options: PageOptions,
): string {
  const proxies = new Map<number, StatRow[]>();
  for (const row of rows) {
    const known = proxies.get(row.proxyId);
    if (known === undefined) proxies.set(row.proxyId, [row]);
    else known.push(row);
  }
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<title>Statistics Report for HAProxy${options.showNode ? ` on ${escapeHtml(info.node)}` : ''}</title>
<style>${PAGE_STYLE}</style></head>
<body>
${pageHead(info, options)}
${[...proxies.values()].map((proxy) => proxySection(proxy, options)).join('\n')}
</body></html>
`;
}

function pageHead(info: ProcessInfo, options: PageOptions): string {
  const { uri, request } = options;
  const version = options.hideVersion
    ? 'HAProxy statistics'
    : `HAProxy version ${escapeHtml(info.version)}, released ${escapeHtml(info.releaseDate)}`;
  const link = (text: string, changes: Partial<PageRequest>): string => {
    const address = pageAddress(uri, { ...request, action: null, ...changes });
    return `<a href="${escapeHtml(address)}">${text}</a>`;
  };
  const fact = (name: string, value: string | number): string =>
    `<span><b>${name} = </b>${escapeHtml(String(value))}</span>`;
  const refresh = options.refreshes
    ? `${link(request.noRefresh ? 'Enable refresh' : 'Disable refresh', { noRefresh: !request.noRefresh })}\n`
    : '';
  return `<header><h1>Evergate <small>${version}</small></h1><nav>
${link(request.upOnly ? 'Show all servers' : "Hide 'DOWN' servers", { upOnly: !request.upOnly })}
${refresh}${link('Refresh now', {})}
${link('CSV export', { format: 'csv' })}
</nav></header>
${notice(request, uri)}
<p class="facts">${[
    fact('pid', info.pid),
    fact('uptime', uptimeText(info.uptimeS)),
    ...(options.showNode ? [fact('node', info.node)] : []),
    fact('nbthread', info.relays),
    fact('maxsock', info.filesMax),
    fact('maxconn', info.connectionsMax),
    fact('current conns', info.counts.connectionsCurrent),
    fact('conn rate', `${info.rate}/sec`),
    fact('bit rate', `${bitRate(info.bytesOutRate * 8)}`),
  ].join('\n')}</p>
<label class="narrow"><input type="checkbox" id="all"> All columns</label>
<p class="legend">${LEGEND.map(([state, text]) => `<span class="${state}">${text}</span>`).join('')}</p>`;
}

function notice(request: PageRequest, uri: string): string {
  if (request.action === null) return '';
  const { good, text } = actionText(request.action);
  const back = escapeHtml(pageAddress(uri, { ...request, action: null }));
  const close = `<a href="${back}" title="Remove this message">[X]</a>`;
  return `<p class="notice${good ? ' good' : ''}">${close} ${escapeHtml(text)}</p>`;
}

function proxySection(rows: readonly StatRow[], options: PageOptions): string {
  const [first] = rows;
  if (first === undefined) return '';
  const withForm = options.admin && rows.some(({ kind }) => kind === 'server');
  const name = escapeHtml(first.proxy);
  const backend = rows.find((row) => row.kind === 'backend');
  const balance = backend && backend.servers > 0 ? ` <small>${backend.algorithm}</small>` : '';
  const table = `<div class="scroll"><table>${tableHead(withForm)}
<tbody>${rows.map((row) => tableRow(row, withForm)).join('\n')}</tbody></table></div>`;
  const heading = `<h2 id="${name}"><a href="#${name}">${name}</a>${balance}</h2>`;
  if (!withForm) return `<section>${heading}${table}</section>`;
  return `<section>${heading}<form method="post">${table}
<p>Choose the action to perform on the checked servers:
<select name="action"><option value=""></option>
<option value="ready">Set state to READY</option>
<option value="drain">Set state to DRAIN</option>
<option value="maint">Set state to MAINT</option>
<option value="shutdown">Kill Sessions</option></select>
<input type="hidden" name="b" value="#${first.proxyId}"><button>Apply</button></p></form></section>`;
}

function tableHead(withForm: boolean): string {
  const groups = GROUPS.map(([title, columns]) => `<th colspan="${columns.length}">${title}</th>`);
  const columns = GROUPS.flatMap(([, names]) => names).map(headCell);
  const mark = withForm ? '<th rowspan="2"></th>' : '';
  // A narrow window shows no groups; its columns have the first ones' cells in their own row.
  const first = withForm
    ? '<th class="narrow"></th><th class="narrow"></th>'
    : '<th class="narrow"></th>';
  return `<thead><tr class="groups">${mark}<th rowspan="2" class="name"></th>${groups.join('')}</tr>
<tr>${first}${columns.join('')}</tr></thead>`;
}

/** Which columns a narrow window shows at first: sessions now and in all, status, and the last check. */
const MAIN_COLUMNS: ReadonlySet<number> = new Set([6, 9, 21, 22]);

function classOf(column: number, more: readonly string[] = []): string {
  const classes = MAIN_COLUMNS.has(column) ? more : [...more, 'more'];
  return classes.length === 0 ? '' : ` class="${classes.join(' ')}"`;
}

/** Words begin at the left, numbers end at the right, and so do their headings. */
function headCell(name: string, column: number): string {
  const words = name === 'Status' || name === 'LastChk';
  return `<th${classOf(column, words ? ['words'] : [])}>${name}</th>`;
}

function tableRow(row: StatRow, withForm: boolean): string {
  const mark = markCell(row, withForm);
  switch (row.kind) {
    case 'frontend':
      return `<tr class="frontend">${mark}<td class="name">Frontend</td>${frontendCells(row)}</tr>`;
    case 'server': {
      const name = `<td class="name" title="${escapeHtml(row.address)}">${escapeHtml(row.server)}</td>`;
      return `<tr class="${row.state}">${mark}${name}${serverCells(row)}</tr>`;
    }
    case 'backend': {
      const state = row.servers === 0 ? 'unchecked' : row.up ? 'up' : 'down';
      return `<tr class="backend ${state}">${mark}<td class="name">Backend</td>${backendCells(row)}</tr>`;
    }
  }
}

function markCell(row: StatRow, withForm: boolean): string {
  if (!withForm) return '';
  if (row.kind !== 'server') return '<td></td>';
  return `<td><input type="checkbox" name="s" value="${escapeHtml(row.server)}"></td>`;
}

type Cell = string | number | null;

/** `from`: column of the first one. */
function cells(from: number, values: readonly Cell[]): string {
  return values
    .map((value, index) => {
      const text = typeof value === 'number' ? grouped(value) : escapeHtml(value ?? '');
      return `<td${classOf(from + index)}>${text}</td>`;
    })
    .join('');
}

function frontendCells({ counts, ...row }: FrontendRow): string {
  const { connectionsCurrent, connectionsMax, sessionsTotal, bytesIn, bytesOut } = counts;
  return (
    cells(0, [null, null, null, row.rate, row.rateMax, '-', connectionsCurrent, connectionsMax]) +
    cells(8, [row.limit, sessionsTotal, null, null, bytesIn, bytesOut, counts.requestsDenied, 0]) +
    cells(16, [0, null, null, null, null]) +
    '<td class="status">OPEN</td><td></td><td class="more" colspan="7"></td>'
  );
}

function trafficCells(row: ServerRow | BackendRow): string {
  const { counts } = row;
  const ofServers = row.kind === 'server' ? row.counts : row.serverCounts;
  const lastS = shownValue(SERVER, 'lastSessionMs', ofServers, row.now);
  const last = lastS < 0 ? '?' : shortDuration(lastS);
  return (
    cells(0, [counts.queueCurrent, counts.queueMax]) +
    cells(2, [row.kind === 'server' ? (row.queueLimit ?? '-') : null]) +
    cells(3, [row.rate, row.rateMax, null]) +
    cells(6, [counts.sessionsCurrent, counts.sessionsMax, row.limit ?? '-', counts.sessionsTotal]) +
    cells(10, [counts.sessionsTotal, last, counts.bytesIn, counts.bytesOut]) +
    cells(14, [row.kind === 'backend' ? 0 : null, 0, null, counts.connectErrors, 0]) +
    cells(19, [ofServers.retries, ofServers.redispatches])
  );
}

function serverCells(row: ServerRow): string {
  const { check } = row;
  const since = row.state === 'unchecked' ? '' : `${shortDuration(row.lastChangeS)} `;
  const code = check?.code === undefined ? '' : `/${check.code}`;
  const via = row.tracked === undefined ? '' : `via ${escapeHtml(row.tracked)}`;
  const last = check?.running ? `${check.status}${code} in ${Math.round(check.durationMs)}ms` : via;
  const why = check === null ? '' : [check.description, check.info].filter(Boolean).join(': ');
  return `${trafficCells(row)}<td class="status">${since}${escapeHtml(row.status)}</td>
<td class="words" title="${escapeHtml(why)}">${last}</td>${cells(23, [
    `${row.weight}/${row.configuredWeight}`,
    row.backup ? '-' : 'Y',
    row.backup ? 'Y' : '-',
    check === null ? null : check.failed,
    check === null ? null : row.downTransitions,
    check === null ? null : shortDuration(row.downtimeS),
    row.throttle === undefined ? '-' : `${row.throttle}%`,
  ])}`;
}

function backendCells(row: BackendRow): string {
  const status = `${shortDuration(row.lastChangeS)} ${row.up ? 'UP' : 'DOWN'}`;
  const downtime = row.servers === 0 ? null : shortDuration(row.downtimeS);
  return `${trafficCells(row)}<td class="status">${status}</td><td></td>${cells(23, [
    row.weight,
    row.usableActive,
    row.usableBackup,
    null,
    row.downTransitions,
    downtime,
    null,
  ])}`;
}

function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

function bitRate(bitsPerSecond: number): string {
  const units = ['bps', 'kbps', 'Mbps', 'Gbps'];
  let value = bitsPerSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(unit === 0 ? 0 : 3)} ${units[unit]}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}
