/**
 * `show servers state`: version line, header, one line per server (management guide 9.3), in the numbers of
 * HAProxy's state file.
 */

import type { AdminState, CheckStatus } from '../health/server-state.ts';

export type ServerStateRow = {
  readonly backendId: number;
  readonly backend: string;
  readonly serverId: number;
  readonly server: string;
  /** null: its name has no address. */
  readonly host: string | null;
  readonly port: number;
  /** The name that it is given by; null: an address. */
  readonly fqdn: string | null;
  /** The service that has a record for it (SRV); null: none. */
  readonly service: string | null;
  /** It had one of its records, at least once. */
  readonly served: boolean;
  readonly up: boolean;
  /** Up, and asking for no new connections. */
  readonly stopping: boolean;
  /** What an operator asked for here, and of the server that it follows. */
  readonly admin: AdminState;
  readonly followed: AdminState;
  /** In maintenance since the start, by the configuration (`disabled`). */
  readonly disabledByConfig: boolean;
  readonly weight: number;
  readonly configuredWeight: number;
  readonly lastChangeS: number;
  /** null: the server has no check. */
  readonly check: { readonly status: CheckStatus; readonly health: number } | null;
};

const HEADER =
  '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight' +
  ' srv_time_since_last_change srv_check_status srv_check_result srv_check_health' +
  ' srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord' +
  ' srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port';

/** HCHK_STATUS_*: the order in which HAProxy lists its check results. */
const STATUS_NUMBERS: Readonly<Record<CheckStatus, number>> = {
  UNK: 0,
  INI: 1,
  HANA: 3,
  SOCKERR: 4,
  L4OK: 6,
  L4TOUT: 7,
  L4CON: 8,
  L6OK: 9,
  L6TOUT: 10,
  L6RSP: 11,
  L7TOUT: 12,
  L7RSP: 13,
  L7OK: 15,
  L7OKC: 16,
  L7STS: 17,
};

const PASSED: readonly CheckStatus[] = ['L4OK', 'L6OK', 'L7OK'];

const STOPPED = 0;
const RUNNING = 2;
const STOPPING = 3;
const FORCED_MAINTENANCE = 1;
const FOLLOWED_MAINTENANCE = 2;
const CONFIG_MAINTENANCE = 4;
const FORCED_DRAIN = 8;
const FOLLOWED_DRAIN = 16;
const RESOLUTION_MAINTENANCE = 32;
/** HAProxy counts that among its maintenances, but it is none. */
const NAMED_BY_SERVICE = 64;
const RESULT_UNKNOWN = 0;
const RESULT_FAILED = 2;
const RESULT_PASSED = 3;
const RESULT_CONDITION = 4;
const CHECK_CONFIGURED_ENABLED = 6;
const CHECK_PAUSED = 8;

export function serversStateText(rows: readonly ServerStateRow[]): string {
  return `1\n${HEADER}\n${rows.map((row) => `${stateLine(row)}\n`).join('')}`;
}

function stateLine(row: ServerStateRow): string {
  const paused = row.admin === 'maint' || row.followed === 'maint' || row.host === null;
  const stopped = paused || !row.up;
  return [
    row.backendId,
    row.backend,
    row.serverId,
    row.server,
    row.host ?? '-',
    stopped ? STOPPED : row.stopping ? STOPPING : RUNNING,
    adminNumber(row),
    row.weight,
    row.configuredWeight,
    row.lastChangeS,
    STATUS_NUMBERS[row.check?.status ?? 'INI'],
    checkResult(row),
    checkHealth(row, stopped),
    (row.check === null ? 0 : CHECK_CONFIGURED_ENABLED) + (paused ? CHECK_PAUSED : 0),
    '0 0 0',
    row.fqdn ?? '-',
    row.port,
    row.service ?? '-',
    '0 0 - - 0',
  ].join(' ');
}

function adminNumber(row: ServerStateRow): number {
  const { admin, followed, host, served, disabledByConfig } = row;
  const parts = [
    { ready: 0, drain: FORCED_DRAIN, maint: FORCED_MAINTENANCE }[admin],
    { ready: 0, drain: FOLLOWED_DRAIN, maint: FOLLOWED_MAINTENANCE }[followed],
    admin === 'maint' && disabledByConfig ? CONFIG_MAINTENANCE : 0,
    host === null ? RESOLUTION_MAINTENANCE : 0,
    served ? NAMED_BY_SERVICE : 0,
  ];
  return parts.reduce((sum, part) => sum + part, 0);
}

/** A server never looked at has no health to show; one without a check counts as passing. */
function checkHealth({ check }: ServerStateRow, stopped: boolean): number {
  if (check === null) return stopped ? 0 : 2;
  return check.status === 'INI' && stopped ? 0 : check.health;
}

function checkResult({ check }: ServerStateRow): number {
  if (check === null) return RESULT_UNKNOWN;
  if (check.status === 'L7OKC') return RESULT_CONDITION;
  if (PASSED.includes(check.status)) return RESULT_PASSED;
  return check.status === 'INI' || check.status === 'UNK' ? RESULT_UNKNOWN : RESULT_FAILED;
}
