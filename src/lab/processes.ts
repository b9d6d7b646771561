/**
 * Processes by identity: a pid together with the start time from /proc/<pid>/stat (proc(5), field 22),
 * so that a number that another process has got meanwhile is never signalled.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
};

const END_PATIENCE_MS = 5000;
const DESCENDANTS_MAX = 1000;

type Stat = { readonly state: string; readonly parent: number; readonly startTime: number };

/** null: there is no such process. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null ? null : { pid, startTime: stat.startTime };
}

/** A zombie counts as gone: it does nothing any more. */
export function isRunning(identity: ProcessIdentity): boolean {
  const stat = readStat(identity.pid);
  return stat !== null && stat.startTime === identity.startTime && stat.state !== 'Z';
}

/** Runs and is not held by SIGSTOP. */
export function isWorking(identity: ProcessIdentity): boolean {
  return isRunning(identity) && readStat(identity.pid)?.state !== 'T';
}

/** Sends a signal if this very process is still there; tells whether it was. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    // It ended between the look and the signal.
    return false;
  }
}

/** SIGTERM, then SIGKILL to what is left after `patienceMs`; resolves when all are gone. */
export async function endProcesses(
  identities: readonly ProcessIdentity[],
  patienceMs: number,
): Promise<void> {
  const left = (): ProcessIdentity[] => identities.filter(isRunning);
  // A stopped process takes no SIGTERM before it goes on.
  for (const identity of left()) {
    signalProcess(identity, 'SIGTERM');
    signalProcess(identity, 'SIGCONT');
  }
  const bound = { what: 'processes to end', boundMs: patienceMs, everyMs: 20 };
  await waitUntil(() => left().length === 0, bound).catch(() => undefined);
  for (const identity of left()) signalProcess(identity, 'SIGKILL');
  await waitUntil(() => left().length === 0, {
    what: `process ${left().map((identity) => identity.pid)} to end after SIGKILL`,
    boundMs: END_PATIENCE_MS,
    everyMs: 20,
  });
}

/** Every process below `root`, nearest first, without `root` itself. */
export function descendantsOf(root: number): ProcessIdentity[] {
  const children = new Map<number, ProcessIdentity[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat === null) continue;
    const siblings = children.get(stat.parent) ?? [];
    siblings.push({ pid, startTime: stat.startTime });
    children.set(stat.parent, siblings);
  }
  const found = [...(children.get(root) ?? [])];
  for (let index = 0; index < found.length && index < DESCENDANTS_MAX; index++) {
    found.push(...(children.get(found[index]?.pid ?? 0) ?? []));
  }
  return found;
}

/** Its name as the kernel has it, "haproxy"; null: it is gone. */
export function commandOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return null;
  }
}

function readStat(pid: number): Stat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const startTime = fields[19];
  if (state === undefined || parent === undefined || startTime === undefined) return null;
  return { state, parent: Number(parent), startTime: Number(startTime) };
}
