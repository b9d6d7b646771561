/**
 * What happens to servers, in HAProxy's exact words: rsyslog rules and alerting of existing installations
 * match these lines. Levels are syslog severities (RFC 5424 section 6.2.1).
 */

import type { SharedWarning } from './held-warnings.ts';
import type { ServerChange } from './server-change.ts';
import type { AdminState, CheckResult, CheckStatus } from './server-state.ts';

export const LEVEL_EMERGENCY = 0;
const LEVEL_ALERT = 1;
export const LEVEL_WARNING = 4;
export const LEVEL_NOTICE = 5;

export type ServerMessage = {
  readonly level: number;
  readonly text: string;
  /** What it says of a server, for a timeline; absent: nothing that lasts. */
  readonly change?: ServerChange;
};

/** How the backend stands after the event, and what the server still carries. */
export type Standing = {
  readonly backend: string;
  readonly server: string;
  readonly backup: boolean;
  readonly usableActive: number;
  readonly usableBackup: number;
  readonly sessions: number;
};

type Place = { readonly host: string; readonly port: number };

const STATUS_TEXTS: Readonly<Record<CheckStatus, string>> = {
  UNK: 'Unknown',
  INI: 'Initializing',
  HANA: 'Health analyze',
  SOCKERR: 'Socket error',
  L4OK: 'Layer4 check passed',
  L4TOUT: 'Layer4 timeout',
  L4CON: 'Layer4 connection problem',
  L6OK: 'Layer6 check passed',
  L6TOUT: 'Layer6 timeout',
  L6RSP: 'Layer6 invalid response',
  L7TOUT: 'Layer7 timeout',
  L7RSP: 'Layer7 invalid response',
  L7OK: 'Layer7 check passed',
  L7OKC: 'Layer7 check conditionally passed',
  L7STS: 'Layer7 wrong status',
};

/** HAProxy's description of a check status (`check_desc`). */
export function checkStatusText(status: CheckStatus): string {
  return STATUS_TEXTS[status];
}

/** "Layer4 connection problem, info: "Connection refused", check duration: 0ms" */
export function checkReason(result: CheckResult): string {
  const code = result.code === undefined ? '' : `, code: ${result.code}`;
  const info = result.info === '' ? '' : `, info: "${result.info}"`;
  const duration = `, check duration: ${Math.round(result.durationMs)}ms`;
  return `${checkStatusText(result.status)}${code}${info}${duration}`;
}

/** Why a server's state is another one: a check, or the server that it follows ("backend/server"). */
export type Cause = CheckResult | { readonly via: string };

export function wentDown(standing: Standing, cause: Cause | null): ServerMessage {
  const text = `${name(standing)} is DOWN${because(cause)}. ${left(standing)}`;
  return { level: LEVEL_ALERT, text, change: changed(standing, 'down', whyOf(cause)) };
}

export function wentUp(standing: Standing, cause: Cause | null): ServerMessage {
  const text = `${name(standing)} is UP${because(cause)}. ${online(standing)}`;
  return { level: LEVEL_NOTICE, text, change: changed(standing, 'up', whyOf(cause)) };
}

/** Up, and asking for no new connections (`http-check disable-on-404`). */
export function beganStopping(standing: Standing, cause: Cause | null): ServerMessage {
  const text = `${name(standing)} is stopping${because(cause)}. ${online(standing)}`;
  return { level: LEVEL_NOTICE, text, change: changed(standing, 'stopping', whyOf(cause)) };
}

/** Not of HAProxy's: what checks saw that will hurt. */
export function checkWarning({ backend, servers, text }: SharedWarning): ServerMessage {
  const names = servers.map((server) => `${backend}/${server}`).join(', ');
  const kind = servers.length === 1 ? 'Server' : 'Servers';
  return { level: LEVEL_WARNING, text: `${kind} ${names}: ${text}.` };
}

/** `option log-health-checks`: every check that changes the counter. */
export function checkLogged(standing: Standing, result: CheckResult, place: string): ServerMessage {
  const kind = standing.backup ? 'backup ' : '';
  const passed = result.status === 'L7OKC' ? 'conditionally succeeded' : 'succeeded';
  const outcome = result.passed ? passed : 'failed';
  const server = `${standing.backend}/${standing.server}`;
  const text = `Health check for ${kind}server ${server} ${outcome}, reason: ${checkReason(result)}, status: ${place}.`;
  return { level: LEVEL_NOTICE, text };
}

export function enteredMaintenance(standing: Standing, wasUp: boolean, cause = ''): ServerMessage {
  if (!wasUp) {
    const text = `${name(standing)} was DOWN and now enters maintenance${cause}.`;
    return { level: LEVEL_NOTICE, text };
  }
  const text = `${name(standing)} is going DOWN for maintenance${cause}. ${left(standing)}`;
  return { level: LEVEL_ALERT, text };
}

/** Forced: asked for by an operator for this server, and not for one that it follows. */
export function leftMaintenance(
  standing: Standing,
  into: AdminState,
  how: 'forced maintenance' | 'maintenance' = 'forced maintenance',
): ServerMessage {
  const text = `${name(standing)} is UP/${into.toUpperCase()} (leaving ${how}).`;
  return { level: LEVEL_NOTICE, text };
}

/** Its name has no address. */
export function staysUnresolved(standing: Standing): ServerMessage {
  const text = `${name(standing)} is leaving forced maintenance but remains in maintenance.`;
  return { level: LEVEL_NOTICE, text };
}

/** `host`: the name that has an address again. */
export function resolvesAgain(standing: Standing, host: string, into: AdminState): ServerMessage {
  const text = `${name(standing)} ('${host}') is UP/${into.toUpperCase()} (resolves again).`;
  return { level: LEVEL_NOTICE, text };
}

export function resolvesInMaintenance(standing: Standing, host: string): ServerMessage {
  const text = `${name(standing)} ('${host}') resolves again but remains in maintenance.`;
  return { level: LEVEL_NOTICE, text };
}

/** `by`: who says so, e.g. "dns/ns1". */
export function changedAddress(
  { backend, server }: Standing,
  before: Place,
  after: Place,
  by: string,
): ServerMessage {
  const place = `${backend}/${server}`;
  const ip = `changed its IP from ${before.host} to ${after.host}`;
  const port = `changed its port from ${before.port} to ${after.port}`;
  const changes = [
    ...(before.host === after.host ? [] : [ip]),
    ...(before.port === after.port ? [] : [port]),
  ];
  return { level: LEVEL_NOTICE, text: `${place} ${changes.join(', ')} by ${by}.` };
}

function enteredDrain(standing: Standing, isUp: boolean, cause = ''): ServerMessage {
  const rest = isUp ? online(standing) : left(standing);
  return { level: LEVEL_NOTICE, text: `${name(standing)} enters drain state${cause}. ${rest}` };
}

function leftDrain(standing: Standing, isUp: boolean): ServerMessage {
  const state = isUp ? 'UP' : 'DOWN';
  return { level: LEVEL_NOTICE, text: `${name(standing)} is ${state} (leaving forced drain).` };
}

/** What an operator asked for, or no longer does. `cause`: with a leading space. */
export function adminChanged(
  standing: Standing,
  before: AdminState,
  after: AdminState,
  wasUp: boolean,
  cause: string,
): ServerMessage {
  const by = cause === '' ? 'asked for by an operator' : cause.replace(/^ \((.*)\)$/, '$1');
  const change = changed(standing, after, `${by.trim()}; ${before} before`);
  if (after === 'maint') return { ...enteredMaintenance(standing, wasUp, cause), change };
  if (before === 'maint') return { ...leftMaintenance(standing, after), change };
  const told =
    after === 'drain' ? enteredDrain(standing, wasUp, cause) : leftDrain(standing, wasUp);
  return { ...told, change };
}

/** The server that it follows has left maintenance, and this one has not. */
export function remainsInMaintenance(standing: Standing): ServerMessage {
  return { level: LEVEL_NOTICE, text: `${name(standing)} remains in forced maintenance.` };
}

export function remainsInDrain(standing: Standing): ServerMessage {
  return { level: LEVEL_NOTICE, text: `${name(standing)} remains in forced drain mode.` };
}

/** HAProxy calls a `listen` section a proxy. */
export function noServerLeft(backend: string, listen: boolean): ServerMessage {
  const kind = listen ? 'proxy' : 'backend';
  return { level: LEVEL_EMERGENCY, text: `${kind} ${backend} has no server available!` };
}

/** null: `option log-health-checks` has said why in a line of its own. */
function because(cause: Cause | null): string {
  if (cause === null) return '';
  return 'via' in cause ? ` via ${cause.via}` : `, reason: ${checkReason(cause)}`;
}

function whyOf(cause: Cause | null): string {
  if (cause === null) return 'as the check before said';
  return 'via' in cause ? `via ${cause.via}` : checkReason(cause);
}

function changed(
  { backend, server, usableActive, usableBackup }: Standing,
  to: ServerChange['to'],
  why: string,
): ServerChange {
  return { backend, server, to, usable: usableActive + usableBackup, why };
}

function name({ backup, backend, server }: Standing): string {
  return `${backup ? 'Backup ' : ''}Server ${backend}/${server}`;
}

function left(standing: Standing): string {
  const { usableActive, usableBackup, sessions } = standing;
  return (
    `${usableActive} active and ${usableBackup} backup servers left.${onBackup(standing)}` +
    ` ${sessions} sessions active, 0 requeued, 0 remaining in queue.`
  );
}

function online(standing: Standing): string {
  const { usableActive, usableBackup } = standing;
  return (
    `${usableActive} active and ${usableBackup} backup servers online.${onBackup(standing)}` +
    ' 0 sessions requeued, 0 total in queue.'
  );
}

function onBackup({ usableActive, usableBackup }: Standing): string {
  return usableActive === 0 && usableBackup > 0 ? ' Running on backup.' : '';
}
