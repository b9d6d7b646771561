/**
 * The catalogue of what a data plane counts: which counters there are, how threads' parts make one value, and
 * where each is shown. All else comes from here: the columns of `show stat`, the metrics and their page,
 * `evergate status`, the memory that relays write. A new counter is a row here and the place that counts.
 */

export type CounterRow = {
  readonly unit: 'count' | 'bytes' | 'ms';
  /** How what several threads, or the servers of a backend, have counted becomes one value. */
  readonly fold: 'sum' | 'max';
  /** What there is at the moment: goes down, too, and a new configuration finds it by looking again. */
  readonly now?: true;
  /** The most that there ever was at once: `clear counters` forgets it. */
  readonly peak?: true;
  /** Shown as the average over so many; the name of another counter of the same table. */
  readonly per?: string;
  /** Moment on the main thread's monotonic clock, 0: never. Shown as whole seconds since then, -1: never. */
  readonly since?: true;
  /** Columns of `show stat` and the stats page's CSV. */
  readonly csv?: readonly string[];
  /** Line of `show info`. */
  readonly info?: string;
  /** By name, what each is; times are in seconds there. One that ends in "_total" is a counter, others gauges. */
  readonly metrics?: Readonly<Record<string, string>>;
  /** Of servers: metrics of the backend, whose row has the columns then, too, put together from its servers. */
  readonly backendMetrics?: Readonly<Record<string, string>>;
  /** In `evergate status --json`, under this very name. */
  readonly status?: true;
  /** Why it is shown nowhere. */
  readonly internal?: string;
};

export type CounterTable = Readonly<Record<string, CounterRow>>;

/** The values of one block at one moment. */
export type Counts<Name extends string> = Readonly<Record<Name, number>>;

/** Of the data plane as a whole. */
export const PLANE = {
  loops: {
    unit: 'count',
    fold: 'sum',
    internal: 'turns of the event loops: by them a test sees that an order is in force',
  },
  connectionsTotal: {
    unit: 'count',
    fold: 'sum',
    info: 'CumConns',
    metrics: { haproxy_process_connections_total: 'Connections' },
  },
  connectionsCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    info: 'CurrConns',
    metrics: { haproxy_process_current_connections: 'Open connections' },
  },
  connectionsMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    metrics: {
      evergate_balancer_connections_peak:
        'Most connections that were ever open at once, pages aside',
    },
  },
  acceptPauses: {
    unit: 'count',
    fold: 'sum',
    metrics: {
      evergate_balancer_accept_pauses_total:
        'Times a relay accepted nobody for a while because file descriptors ran out',
    },
  },
  splicedBytes: {
    unit: 'bytes',
    fold: 'sum',
    // Sic.
    info: 'TotalSplicdedBytesOut',
    metrics: { haproxy_process_spliced_bytes_out_total: 'Bytes that went from kernel to kernel' },
  },
  logsDropped: {
    unit: 'count',
    fold: 'sum',
    info: 'DroppedLogs',
    metrics: { haproxy_process_dropped_logs_total: 'Log lines that were lost' },
  },
} as const satisfies CounterTable;

export const FRONTEND = {
  connectionsTotal: {
    unit: 'count',
    fold: 'sum',
    csv: ['conn_tot'],
    metrics: { haproxy_frontend_connections_total: 'Connections since the start' },
    status: true,
  },
  /** Of connections that were not turned away at once, or for want of a PROXY protocol header. */
  sessionsTotal: {
    unit: 'count',
    fold: 'sum',
    csv: ['stot'],
    metrics: { haproxy_frontend_sessions_total: 'Sessions since the start' },
  },
  connectionsCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    csv: ['scur'],
    metrics: { haproxy_frontend_current_sessions: 'Open sessions' },
    status: true,
  },
  connectionsMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    csv: ['smax'],
    metrics: { haproxy_frontend_max_sessions: 'Most sessions that were ever open at once' },
    status: true,
  },
  bytesIn: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bin'],
    metrics: { haproxy_frontend_bytes_in_total: 'Bytes from clients' },
    status: true,
  },
  bytesOut: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bout'],
    metrics: { haproxy_frontend_bytes_out_total: 'Bytes to clients' },
    status: true,
  },
  clientResets: {
    unit: 'count',
    fold: 'sum',
    metrics: { evergate_frontend_client_resets_total: 'Connections that the client broke off' },
  },
  /** By source rules or rates. */
  connectionsDenied: {
    unit: 'count',
    fold: 'sum',
    csv: ['dcon'],
    metrics: {
      haproxy_frontend_denied_connections_total:
        'Connections that rules turned away, or that a full page ended for others',
    },
  },
  /** By rules that wait for the PROXY protocol header. */
  sessionsDenied: {
    unit: 'count',
    fold: 'sum',
    csv: ['dses'],
    metrics: { haproxy_frontend_denied_sessions_total: 'Sessions that rules turned away' },
  },
  /** By rules over what the client says. */
  requestsDenied: {
    unit: 'count',
    fold: 'sum',
    csv: ['dreq'],
    metrics: {
      haproxy_frontend_requests_denied_total:
        'Connections that rules turned away for what the client said',
    },
  },
  badGreetings: {
    unit: 'count',
    fold: 'sum',
    metrics: {
      evergate_frontend_proxy_header_errors_total:
        'Connections that were closed for want of a valid PROXY protocol header',
    },
  },
} as const satisfies CounterTable;

export const BACKEND = {
  sessionsTotal: {
    unit: 'count',
    fold: 'sum',
    csv: ['stot'],
    metrics: { haproxy_backend_sessions_total: 'Sessions since the start' },
  },
  /** Times a server was chosen, further attempts included; rules may have turned the client away before. */
  choices: {
    unit: 'count',
    fold: 'sum',
    csv: ['lbtot', 'connect'],
    metrics: {
      haproxy_backend_loadbalanced_total: 'Times the balance chose it',
      haproxy_backend_connection_attempts_total: 'Connects that were begun',
    },
  },
  sessionsCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    csv: ['scur'],
    metrics: { haproxy_backend_current_sessions: 'Open sessions' },
  },
  sessionsMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    csv: ['smax'],
    metrics: { haproxy_backend_max_sessions: 'Most sessions that were ever open at once' },
  },
  bytesIn: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bin'],
    metrics: { haproxy_backend_bytes_in_total: 'Bytes from clients' },
  },
  bytesOut: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bout'],
    metrics: { haproxy_backend_bytes_out_total: 'Bytes to clients' },
  },
  /** Clients given up because no server took the connection. */
  connectErrors: {
    unit: 'count',
    fold: 'sum',
    csv: ['econ'],
    metrics: { haproxy_backend_connection_errors_total: 'Connects that failed' },
    status: true,
  },
  clientAborts: {
    unit: 'count',
    fold: 'sum',
    csv: ['cli_abrt'],
    metrics: { haproxy_backend_client_aborts_total: 'Sessions that the client broke off' },
  },
  serverAborts: {
    unit: 'count',
    fold: 'sum',
    csv: ['srv_abrt'],
    metrics: { haproxy_backend_server_aborts_total: 'Sessions that the server broke off' },
  },
  /** Of those that wait for any server with room. */
  queueCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    csv: ['qcur'],
    metrics: { haproxy_backend_current_queue: 'Clients that wait for room' },
  },
  queueMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    csv: ['qmax'],
    metrics: { haproxy_backend_max_queue: 'Most clients that ever waited at once' },
  },
} as const satisfies CounterTable;

export const SERVER = {
  /** Sessions this server was chosen for, retries included. */
  sessionsTotal: {
    unit: 'count',
    fold: 'sum',
    csv: ['stot', 'lbtot', 'connect'],
    metrics: {
      haproxy_server_sessions_total: 'Sessions since the start',
      haproxy_server_loadbalanced_total: 'Times the balance chose it',
      haproxy_server_connection_attempts_total: 'Connects that were begun',
    },
    status: true,
  },
  sessionsCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    csv: ['scur', 'used_conn_cur'],
    metrics: { haproxy_server_current_sessions: 'Open sessions' },
    status: true,
  },
  sessionsMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    csv: ['smax'],
    metrics: { haproxy_server_max_sessions: 'Most sessions that were ever open at once' },
  },
  bytesIn: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bin'],
    metrics: { haproxy_server_bytes_in_total: 'Bytes from clients' },
    status: true,
  },
  bytesOut: {
    unit: 'bytes',
    fold: 'sum',
    csv: ['bout'],
    metrics: { haproxy_server_bytes_out_total: 'Bytes to clients' },
    status: true,
  },
  /** Refused, unreachable or timed-out connects. */
  connectErrors: {
    unit: 'count',
    fold: 'sum',
    csv: ['econ'],
    metrics: { haproxy_server_connection_errors_total: 'Connects that failed' },
    status: true,
  },
  retries: {
    unit: 'count',
    fold: 'sum',
    csv: ['wretr'],
    metrics: { haproxy_server_retry_warnings_total: 'Connects that were tried again' },
    backendMetrics: { haproxy_backend_retry_warnings_total: 'Connects that were tried again' },
  },
  redispatches: {
    unit: 'count',
    fold: 'sum',
    csv: ['wredis'],
    metrics: {
      haproxy_server_redispatch_warnings_total:
        'Sessions that went to another server after a failed connect',
    },
    backendMetrics: {
      haproxy_backend_redispatch_warnings_total:
        'Sessions that went to another server after a failed connect',
    },
  },
  clientAborts: {
    unit: 'count',
    fold: 'sum',
    csv: ['cli_abrt'],
    metrics: { haproxy_server_client_aborts_total: 'Sessions that the client broke off' },
  },
  serverAborts: {
    unit: 'count',
    fold: 'sum',
    csv: ['srv_abrt'],
    metrics: { haproxy_server_server_aborts_total: 'Sessions that the server broke off' },
  },
  /** When it was chosen last. */
  lastSessionMs: {
    unit: 'ms',
    fold: 'max',
    since: true,
    csv: ['lastsess'],
    metrics: {
      haproxy_server_last_session_seconds: 'Seconds since the last session; -1: there was none',
    },
    backendMetrics: {
      haproxy_backend_last_session_seconds: 'Seconds since the last session; -1: there was none',
    },
  },
  /** Connects the server answered. */
  connects: {
    unit: 'count',
    fold: 'sum',
    internal: 'passive health forgets failed connects once one was answered',
  },
  connectTimeTotalMs: {
    unit: 'ms',
    fold: 'sum',
    per: 'sessionsTotal',
    csv: ['ctime'],
    metrics: { haproxy_server_connect_time_average_seconds: 'Time of a connect on average' },
    backendMetrics: {
      haproxy_backend_connect_time_average_seconds: 'Time of a connect on average',
    },
  },
  connectTimeMaxMs: {
    unit: 'ms',
    fold: 'max',
    csv: ['ctime_max'],
    metrics: { haproxy_server_max_connect_time_seconds: 'Longest time of a connect' },
    backendMetrics: { haproxy_backend_max_connect_time_seconds: 'Longest time of a connect' },
  },
  sessionTimeTotalMs: {
    unit: 'ms',
    fold: 'sum',
    per: 'sessionsTotal',
    csv: ['ttime'],
    metrics: { haproxy_server_total_time_average_seconds: 'Time of a session on average' },
    backendMetrics: { haproxy_backend_total_time_average_seconds: 'Time of a session on average' },
  },
  sessionTimeMaxMs: {
    unit: 'ms',
    fold: 'max',
    csv: ['ttime_max'],
    metrics: { haproxy_server_max_total_time_seconds: 'Longest time of a session' },
    backendMetrics: { haproxy_backend_max_total_time_seconds: 'Longest time of a session' },
  },
  /** Of those that wait for this very server. */
  queueCurrent: {
    unit: 'count',
    fold: 'sum',
    now: true,
    csv: ['qcur'],
    metrics: { haproxy_server_current_queue: 'Clients that wait for room' },
  },
  queueMax: {
    unit: 'count',
    fold: 'max',
    peak: true,
    csv: ['qmax'],
    metrics: { haproxy_server_max_queue: 'Most clients that ever waited at once' },
  },
  hedges: {
    unit: 'count',
    fold: 'sum',
    status: true,
    metrics: {
      evergate_server_hedges_total:
        'Connections that another server was asked for, too, because this one was slow',
    },
  },
  hedgesWon: {
    unit: 'count',
    fold: 'sum',
    status: true,
    metrics: {
      evergate_server_hedges_won_total: 'Such connections it took from a slower server',
    },
  },
  hedgesRefused: {
    unit: 'count',
    fold: 'sum',
    status: true,
    metrics: {
      evergate_server_hedges_refused_total:
        'Connections to it that waited for another server, because hedges were at their limit or all servers were slow',
    },
  },
  rebalanced: {
    unit: 'count',
    fold: 'sum',
    metrics: {
      evergate_server_rebalanced_total:
        'Connections ended so that their clients come back to a server that returned',
    },
  },
} as const satisfies CounterTable;

export type PlaneCounter = keyof typeof PLANE;
export type FrontendCounter = keyof typeof FRONTEND;
export type BackendCounter = keyof typeof BACKEND;
export type ServerCounter = keyof typeof SERVER;

/** Names of the counters of a table that `evergate status` tells. */
export type StatusCounter<Table extends CounterTable> = {
  [Name in keyof Table]: Table[Name] extends { readonly status: true } ? Name : never;
}[keyof Table] &
  string;

/** The table with nothing said about its names. */
export const CATALOGUE = { plane: PLANE, frontend: FRONTEND, backend: BACKEND, server: SERVER };
