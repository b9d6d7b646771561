/**
 * `show stat` and `;csv`: HAProxy 2.6's table, column for column (management guide 9.1). Scrapers read it by
 * index, by name, or trust every row to be as wide as the header.
 */

import {
  BACKEND,
  type CounterRow,
  type CounterTable,
  type Counts,
  FRONTEND,
  SERVER,
} from './catalogue.ts';
import { namesOf, shownValue } from './counts.ts';
import type { BackendRow, FrontendRow, HttpCounts, ServerRow, StatRow } from './rows.ts';

/** Columns 0 to 102. Known by these spellings, wrong ones included. */
const CORE = `
  pxname svname qcur qmax scur smax slim stot bin bout dreq dresp ereq econ eresp wretr
  wredis status weight act bck chkfail chkdown lastchg downtime qlimit pid iid sid throttle
  lbtot tracked type rate rate_lim rate_max check_status check_code check_duration hrsp_1xx
  hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other hanafail req_rate req_rate_max req_tot
  cli_abrt srv_abrt comp_in comp_out comp_byp comp_rsp lastsess last_chk last_agt qtime
  ctime rtime ttime agent_status agent_code agent_duration check_desc agent_desc check_rise
  check_fall check_health agent_rise agent_fall agent_health addr cookie mode algo conn_rate
  conn_rate_max conn_tot intercepted dcon dses wrew connect reuse cache_lookups cache_hits
  srv_icur src_ilim qtime_max ctime_max rtime_max ttime_max eint idle_conn_cur safe_conn_cur
  used_conn_cur need_conn_est uweight agg_server_status agg_server_check_status
  agg_check_status
`;

/** Behind the column "-": counters of HAProxy's modules, of which a TCP proxy uses none. */
const TLS_MODULE = 'ssl_sess ssl_reused_sess ssl_failed_handshake';
const HTTP_MODULES = `
  h2_headers_rcvd h2_data_rcvd h2_settings_rcvd h2_rst_stream_rcvd h2_goaway_rcvd
  h2_detected_conn_protocol_errors h2_detected_strm_protocol_errors h2_rst_stream_resp
  h2_goaway_resp h2_open_connections h2_backend_open_streams h2_total_connections
  h2_backend_total_streams h1_open_connections h1_open_streams h1_total_connections
  h1_total_streams h1_bytes_in h1_bytes_out h1_spliced_bytes_in h1_spliced_bytes_out
`;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Every column by name, "-" included, without the "# " of the header line. */
export const CSV_COLUMNS: readonly string[] = [
  ...words(CORE),
  '-',
  ...words(TLS_MODULE),
  ...words(HTTP_MODULES),
];

/** First line of every table, with its line end. */
export const CSV_HEADER = `# ${CSV_COLUMNS.join(',')},\n`;

type Cells = Readonly<Record<string, string | number>>;

/** `legends`: addresses and algorithms, which HAProxy shows to operators only. */
export type CsvOptions = { readonly legends: boolean };

/** The whole table: header and one line per row. */
export function csvTable(rows: readonly StatRow[], options: CsvOptions): string {
  return CSV_HEADER + rows.map((row) => csvLine(row, options)).join('');
}

export function csvLine(row: StatRow, options: CsvOptions): string {
  const cells = cellsOf(row, options);
  return `${CSV_COLUMNS.map((column) => quote(cells[column] ?? '')).join(',')},\n`;
}

function quote(cell: string | number): string {
  if (typeof cell === 'number') return String(Math.round(cell));
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""').replace(/[\r\n]/g, ' ')}"` : cell;
}

function cellsOf(row: StatRow, options: CsvOptions): Cells {
  switch (row.kind) {
    case 'frontend':
      return { ...common(row), ...frontendCells(row), ...zeros(HTTP_MODULES) };
    case 'server':
      return { ...common(row), ...conditionCells(row), ...serverCells(row, options) };
    case 'backend':
      return {
        ...common(row),
        ...conditionCells(row),
        ...backendCells(row, options),
        ...zeros(HTTP_MODULES),
      };
  }
}

function common(row: StatRow): Cells {
  return {
    pxname: row.proxy,
    slim: row.limit ?? '',
    dresp: 0,
    pid: 1,
    iid: row.proxyId,
    rate: row.rate,
    rate_max: row.rateMax,
    mode: row.mode,
    wrew: 0,
    eint: 0,
    '-': '-',
    ...zeros(TLS_MODULE),
  };
}

/** The columns that the catalogue names. */
function countedCells<Table extends CounterTable>(
  table: Table,
  counts: Counts<keyof Table & string>,
  now: number,
): Cells {
  const cells = namesOf(table).flatMap((name) => {
    const value = shownValue(table, name, counts, now);
    return (table[name]?.csv ?? []).map((column) => [column, value] as const);
  });
  return Object.fromEntries(cells);
}

/** Of what a backend shows of its servers together. */
const SERVER_IN_BACKEND: CounterTable = Object.fromEntries(
  Object.entries<CounterRow>(SERVER).filter(([, row]) => row.backendMetrics !== undefined),
);

function frontendCells(row: FrontendRow): Cells {
  return {
    svname: 'FRONTEND',
    ...zeros('dreq ereq rate_lim req_rate req_rate_max req_tot dcon dses sid type'),
    ...zeros('comp_in comp_out comp_byp comp_rsp'),
    status: 'OPEN',
    conn_rate: row.connectionRate,
    conn_rate_max: row.connectionRateMax,
    ...countedCells(FRONTEND, row.counts, row.now),
    ...(row.http === null ? {} : { ...httpCells(row.http), intercepted: row.http.requests }),
  };
}

function httpCells(http: HttpCounts): Cells {
  const [one, two, three, four, five, other] = http.responses;
  return {
    hrsp_1xx: one,
    hrsp_2xx: two,
    hrsp_3xx: three,
    hrsp_4xx: four,
    hrsp_5xx: five,
    hrsp_other: other,
    req_rate: http.requestRate,
    req_rate_max: http.requestRateMax,
    req_tot: http.requests,
    ...zeros('cache_lookups cache_hits'),
  };
}

function conditionCells(row: ServerRow | BackendRow): Cells {
  return {
    ...zeros('eresp qtime rtime qtime_max rtime_max reuse'),
    weight: row.weight,
    uweight: row.weight,
    lastchg: row.lastChangeS,
  };
}

function serverCells(row: ServerRow, { legends }: CsvOptions): Cells {
  const { check } = row;
  return {
    svname: row.server,
    status: row.status,
    act: row.backup ? 0 : 1,
    bck: row.backup ? 1 : 0,
    sid: row.serverId,
    type: 2,
    ...(row.throttle === undefined ? {} : { throttle: row.throttle }),
    ...zeros('srv_icur idle_conn_cur safe_conn_cur need_conn_est'),
    ...countedCells(SERVER, row.counts, row.now),
    ...(row.tracked === undefined ? {} : { tracked: row.tracked }),
    ...(row.queueLimit === null ? {} : { qlimit: row.queueLimit }),
    ...(legends ? { addr: row.address } : {}),
    ...(check === null
      ? {}
      : {
          chkfail: check.failed,
          chkdown: row.downTransitions,
          downtime: row.downtimeS,
          hanafail: check.failedAnalyses ?? '',
        }),
    ...(check?.running
      ? {
          check_status: check.status,
          check_code: check.code ?? '',
          check_duration: check.durationMs,
          check_desc: check.description,
          last_chk: check.info,
          check_rise: check.rise,
          check_fall: check.fall,
          check_health: check.health,
        }
      : {}),
  };
}

function backendCells(row: BackendRow, { legends }: CsvOptions): Cells {
  return {
    svname: 'BACKEND',
    ...countedCells(SERVER_IN_BACKEND, row.serverCounts, row.now),
    ...countedCells(BACKEND, row.counts, row.now),
    ...zeros('dreq sid comp_in comp_out comp_byp comp_rsp'),
    ...zeros('agg_server_status agg_server_check_status agg_check_status'),
    status: row.up ? 'UP' : 'DOWN',
    act: row.usableActive,
    bck: row.usableBackup,
    chkdown: row.downTransitions,
    downtime: row.servers === 0 ? '' : row.downtimeS,
    type: 1,
    ...(row.http === null ? {} : backendHttpCells(row.http)),
    ...(legends ? { algo: row.algorithm } : {}),
  };
}

function backendHttpCells(http: HttpCounts): Cells {
  const { req_rate: _rate, req_rate_max: _max, ...cells } = httpCells(http);
  return cells;
}

function zeros(columns: string): Cells {
  return Object.fromEntries(words(columns).map((column) => [column, 0]));
}
