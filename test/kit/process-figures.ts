/** What the kernel says about a process (proc(5)): descriptors, memory, processor time. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat: USER_HZ, 100 on every platform we run on. */
const TICKS_PER_SECOND = 100;

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Inodes of its sockets, which the tables of its network namespace (/proc/PID/net) name, too. */
export function socketsOf(pid: number): ReadonlySet<string> {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed meanwhile.
      return '';
    }
  });
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** Resident memory in bytes. */
export function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Memory in bytes that is its own and written to: what it would give back by ending. */
export function privateOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? Number.NaN) * 1024;
}

/** Processor time of all its threads since its start, in ms. */
export function processorTimeOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name may hold blanks; what follows its closing parenthesis begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}
