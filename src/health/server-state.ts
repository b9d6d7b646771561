/** The state of a server as operators see it: what checks found and what an operator asked for. */

/** HAProxy's administrative states (`set server b/s state ready|drain|maint`). */
export type AdminState = 'ready' | 'drain' | 'maint';

/** What the checks say. `unchecked`: the server has no check and counts as up. */
export type CheckState = 'up' | 'going-down' | 'down' | 'going-up' | 'unchecked';

/**
 * Named check outcomes as HAProxy shows them in `check_status` (management guide 9.1):
 * INI before the first, L4OK, L4TOUT, L4CON, SOCKERR for TCP.
 */
export type CheckStatus = 'UNK' | 'INI' | 'SOCKERR' | 'L4OK' | 'L4TOUT' | 'L4CON';

export type CheckResult = {
  readonly status: CheckStatus;
  readonly passed: boolean;
  /** What the system said, e.g. "Connection refused"; empty when there is nothing to add. */
  readonly info: string;
  readonly durationMs: number;
};

/** What survives a restart of the balancer: the next one starts where this one was. */
export type ServerStateRecord = {
  readonly backend: string;
  readonly server: string;
  readonly admin: AdminState;
  readonly check: CheckState;
  /** Rise/fall counter, 0..rise+fall-1, as HAProxy's check_health. */
  readonly health: number;
  /** Weight set at run time; null: the configured one. */
  readonly weight: number | null;
};
