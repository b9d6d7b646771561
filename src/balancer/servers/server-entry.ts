/** What is true about one server, and what follows from it. */

import type { ServerAddress } from '../../balance/snapshot.ts';
import type { ServerConfig } from '../../config/model/traffic.ts';
import type { CertificateFacts } from '../../health/certificate-warnings.ts';
import { checkState, fullHealth, initialHealth, restoredHealth } from '../../health/rise-fall.ts';
import {
  ADMIN_STATES,
  type AdminState,
  type CheckResult,
  type CheckState,
  type ServerStateRecord,
} from '../../health/server-state.ts';

export type ServerEntry = {
  readonly config: ServerConfig;
  /** The server that it follows; null: none. There are no circles. */
  leader: ServerEntry | null;
  /** What an operator asked for here; adminOf() tells what is in force. */
  /** null: its name has none, which is a maintenance that ends by itself (HAProxy: RMAINT). */
  address: ServerAddress | null;
  /** Why it has none, in HAProxy's words; empty: it has one, or never had. */
  addressLoss: string;
  admin: AdminState;
  /** 0 for a server without a check. */
  health: number;
  result: CheckResult;
  /** Up, and asking for no new connections. */
  stopping: boolean;
  /** What its certificate will hurt with, as of the last check that saw it. */
  warnings: readonly string[];
  /** null: no check has seen one. */
  certificate: CertificateFacts | null;
  /** Failed connects of traffic in a row, and the connects that worked until the last of them. */
  failedConnects: number;
  connectsBefore: number;
  /** Set at run time; null: the configured one. */
  weight: number | null;
  changedAtMs: number;
  /** When it came back, while it warms up (`slowstart`); null: it has its full weight. */
  warmsSinceMs: number | null;
  /** Of finished times out of service. */
  downtimeMs: number;
  failedChecks: number;
  /** Verdicts of passive health. */
  failedAnalyses: number;
  downTransitions: number;
};

const NOT_CHECKED: CheckResult = { status: 'INI', passed: true, info: '', durationMs: 0 };

/** The server whose checks decide: the one at the end of those that follow each other, mostly itself. */
export function checkedEntry(entry: ServerEntry): ServerEntry {
  let at = entry;
  while (at.leader !== null) at = at.leader;
  return at;
}

/** Whether the checks say so, or nothing says otherwise. */
export function isUp(entry: ServerEntry): boolean {
  const { config, health } = checkedEntry(entry);
  return config.check === null || health >= config.check.rise;
}

/** Up, and asking for no new connections. */
export function isStopping(entry: ServerEntry): boolean {
  return checkedEntry(entry).stopping;
}

/** What operators asked for, here or of a server that it follows: the most of it. */
export function adminOf(entry: ServerEntry): AdminState {
  const { admin } = entry;
  const followed = followedAdmin(entry);
  return (
    ADMIN_STATES[Math.max(ADMIN_STATES.indexOf(admin), ADMIN_STATES.indexOf(followed))] ?? admin
  );
}

/** What is in force at the server that it follows. */
export function followedAdmin({ leader }: ServerEntry): AdminState {
  if (leader === null) return 'ready';
  return isInMaintenance(leader) ? 'maint' : adminOf(leader);
}

/** "backend/server"; null: it follows none. */
export function leaderName({ config: { follows } }: ServerEntry): string | null {
  return follows === undefined ? null : `${follows.backend}/${follows.server}`;
}

/** Taken out by an operator, or without an address, as the one that it follows is. */
export function isInMaintenance(entry: ServerEntry): boolean {
  return adminOf(entry) === 'maint' || entry.address === null;
}

/** Up and not in maintenance; draining servers go on serving what they have. */
export function isServing(entry: ServerEntry): boolean {
  return !isInMaintenance(entry) && isUp(entry);
}

export function weightOf({ config, weight }: ServerEntry): number {
  return weight ?? config.weight;
}

/** Percent of its weight that a server which warms up gets, 1..99; null: all of it. */
export function throttleOf({ config, warmsSinceMs }: ServerEntry, now: number): number | null {
  const { slowstartMs } = config;
  if (slowstartMs === undefined || warmsSinceMs === null) return null;
  const percent = Math.floor(((now - warmsSinceMs) * 100) / slowstartMs);
  return percent >= 100 ? null : Math.max(1, percent);
}

/** Could take new connections as far as operators and names are concerned. */
export function isReady(entry: ServerEntry): boolean {
  return adminOf(entry) === 'ready' && entry.address !== null;
}

/** May take new connections. */
export function isUsable(entry: ServerEntry): boolean {
  const willing = isReady(entry) && isUp(entry) && !isStopping(entry);
  return willing && weightOf(entry) > 0;
}

export function checkStateOf(entry: ServerEntry): CheckState {
  const { config, health, result, stopping } = checkedEntry(entry);
  if (config.check === null) return 'unchecked';
  if (stopping) return 'stopping';
  const state = checkState(config.check, health);
  // Before the first result a server counts as up, without a failure behind it.
  return result.status === 'INI' && state === 'going-down' ? 'up' : state;
}

/** "1/2 DOWN": where the counter stands on its way, as HAProxy shows it. */
export function healthPlace({ config, health }: ServerEntry): string {
  if (config.check === null) return 'UP';
  const { rise, fall } = config.check;
  if (health >= rise) return `${health - rise + 1}/${fall} UP`;
  return `${health}/${rise} DOWN`;
}

/** A server at the start, or where the previous balancer left it. */
export function newEntry(
  config: ServerConfig,
  record: ServerStateRecord | undefined,
  now: number,
): ServerEntry {
  const initial = config.check === null ? 0 : initialHealth(config.check);
  const health =
    config.check === null || record === undefined
      ? initial
      : restoredHealth(config.check, record.health);
  return {
    config,
    leader: null,
    address: firstAddress(config, record),
    addressLoss: '',
    admin: record?.admin ?? (config.disabled ? 'maint' : 'ready'),
    health,
    result:
      config.check !== null && health < fullHealth(config.check) && health !== initial
        ? { status: 'UNK', passed: false, info: 'Known from before a restart', durationMs: 0 }
        : NOT_CHECKED,
    stopping: record?.stopping === true && config.check !== null && health >= config.check.rise,
    warnings: [],
    certificate: null,
    failedConnects: 0,
    connectsBefore: 0,
    weight: record?.weight ?? null,
    changedAtMs: now,
    // As in HAProxy, nobody warms up at the start: the others are just as cold.
    warmsSinceMs: null,
    downtimeMs: 0,
    failedChecks: 0,
    failedAnalyses: 0,
    downTransitions: 0,
  };
}

/** Of one with a name: where the balancer before had it, or else where its configuration has it begin. */
function firstAddress(
  { host, port, resolution }: ServerConfig,
  record: ServerStateRecord | undefined,
): ServerAddress | null {
  if (resolution === undefined) return { host, port };
  if (record?.address !== undefined) return record.address;
  return resolution.initialHost === null ? null : { host: resolution.initialHost, port };
}

/** A server of before under a new configuration. One that is elsewhere now is another server. */
export function nextEntry(before: ServerEntry, config: ServerConfig, now: number): ServerEntry {
  const { config: old } = before;
  if (old.host !== config.host || old.port !== config.port) return newEntry(config, undefined, now);
  return {
    ...before,
    config,
    ...nextAddress(before, config),
    // What the files say anew counts more than what an operator asked for under the old ones.
    admin: old.disabled === config.disabled ? before.admin : config.disabled ? 'maint' : 'ready',
    weight: old.weight === config.weight ? before.weight : null,
    ...nextHealth(before, config),
  };
}

/** The files may know an address where there was none. */
function nextAddress(
  { address, addressLoss }: ServerEntry,
  config: ServerConfig,
): Pick<ServerEntry, 'address' | 'addressLoss'> {
  const next = address ?? firstAddress(config, undefined);
  return { address: next, addressLoss: next === null ? addressLoss : '' };
}

/** Up stays up and down stays down, whatever rise and fall are now. */
function nextHealth(
  before: ServerEntry,
  { check }: ServerConfig,
): Pick<ServerEntry, 'health' | 'stopping' | 'result' | 'warnings' | 'certificate'> {
  const { health, stopping, result, warnings, certificate } = before;
  const old = before.config.check;
  const unseen = { stopping: false, result: NOT_CHECKED, warnings: [], certificate: null };
  if (check === null) return { health: 0, ...unseen };
  if (old === null) {
    return { health: initialHealth(check), ...unseen };
  }
  if (old.rise === check.rise && old.fall === check.fall) {
    return { health, stopping, result, warnings, certificate };
  }
  const place = health === fullHealth(old) ? fullHealth(check) : Math.max(health, check.rise);
  const up = health >= old.rise;
  const next = up ? Math.min(place, fullHealth(check)) : 0;
  return { health: next, stopping, result, warnings, certificate };
}

/** What the checks knew is stale after a maintenance: up at once, and down at the first failure. */
export function beginAnew(entry: ServerEntry): void {
  if (entry.config.check === null) return;
  entry.health = initialHealth(entry.config.check);
  entry.stopping = false;
}
