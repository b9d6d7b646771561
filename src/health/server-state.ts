/** The state of a server as operators see it: what checks found and what an operator asked for. */

import type { ServerAddress } from '../balance/snapshot.ts';
import type { CertificateFacts } from './certificate-warnings.ts';

/** HAProxy's administrative states (`set server b/s state ready|drain|maint`). */
export const ADMIN_STATES = ['ready', 'drain', 'maint'] as const;
export type AdminState = (typeof ADMIN_STATES)[number];

/**
 * What the checks say. `unchecked`: the server has no check and counts as up. `stopping`: it passes and asks
 * for no new connections (HAProxy: NOLB).
 */
export type CheckState = 'up' | 'going-down' | 'down' | 'going-up' | 'stopping' | 'unchecked';

/**
 * Named check outcomes as HAProxy shows them in `check_status` (management guide 9.1). L4: the TCP connect,
 * L6: the TLS handshake, L7: what is said over it. HANA: traffic that failed, INI: nothing yet.
 */
export type CheckStatus =
  | 'UNK'
  | 'INI'
  | 'HANA'
  | 'SOCKERR'
  | 'L4OK'
  | 'L4TOUT'
  | 'L4CON'
  | 'L6OK'
  | 'L6TOUT'
  | 'L6RSP'
  | 'L7TOUT'
  | 'L7RSP'
  | 'L7OK'
  /** Passed on a condition: answers, and wants no new connections. */
  | 'L7OKC'
  | 'L7STS';

export type CheckResult = {
  readonly status: CheckStatus;
  readonly passed: boolean;
  /** It says something about this machine only, and counts neither for the server nor against it. */
  readonly inconclusive?: boolean;
  /** What the system said, e.g. "Connection refused"; empty when there is nothing to add. */
  readonly info: string;
  readonly durationMs: number;
  /** Of the HTTP answer, where the verdict is about it. */
  readonly code?: number;
  /** What the server's certificate will hurt with; absent: the check saw none. */
  readonly warnings?: readonly string[];
  /** Absent: the check saw none. */
  readonly certificate?: CertificateFacts;
};

/** What survives a restart of the balancer: the next one starts where this one was. */
export type ServerStateRecord = {
  readonly backend: string;
  readonly server: string;
  readonly admin: AdminState;
  readonly check: CheckState;
  /** Rise/fall counter, 0..rise+fall-1, as HAProxy's check_health. */
  readonly health: number;
  /** Up, and asking for no new connections; absent: no. */
  readonly stopping?: boolean;
  /** Where the server is that its configuration has a name for; null: nowhere. Absent: where that says. */
  readonly address?: ServerAddress | null;
  /** Weight set at run time; null: the configured one. */
  readonly weight: number | null;
};
