/** What /proc tells about other processes (proc(5)): who they are, what they listen on. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processes looked at when searching a socket's owner. */
const PROCESSES_MAX = 65_536;

/** Characters of a command line in a message. */
const NAME_MAX = 60;

export type ProcessIdentity = { readonly pid: number; readonly command: string };

/** The command line of a process, arguments joined by blanks; null when there is no such process. */
export function commandOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return null;
  }
}

/**
 * Whether a process has ended so far that its sockets are closed: it is gone, or a zombie whose other
 * threads are gone too. Its command line is empty earlier.
 */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const zombie = stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
    return zombie && readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

/** The kernel's state letter, e.g. "R", "S", "T", "Z", of a thread and the CPU time it has had. */
export type ThreadState = { readonly state: string; readonly cpuMs: number };

export function threadState(pid: number, tid: number): ThreadState | null {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
    // The name in parentheses may itself hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const runNs = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0];
    return { state: fields[0] ?? '?', cpuMs: Number(runNs) / 1e6 };
  } catch {
    return null;
  }
}

/**
 * The process that listens on a TCP port in this network namespace, as far as we may look: null when it
 * belongs to another account or namespace of processes.
 */
export function listenerOwner(port: number): ProcessIdentity | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    if (holdsInode(pid, inodes)) return { pid: Number(pid), command: nameOf(pid) };
  }
  return null;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const LISTEN = '0A';
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
    let text = '';
    try {
      text = readFileSync(table, 'utf8');
    } catch {
      continue; // A kernel without IPv6 has no tcp6.
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(wanted) && fields[3] === LISTEN && fields[9]) inodes.add(fields[9]);
    }
  }
  return inodes;
}

function holdsInode(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false; // It ended, or is not ours to look into.
  }
}

/** The command line as far as it helps to recognise the program; the kernel's own name ends after 15. */
function nameOf(pid: string): string {
  const command = commandOf(Number(pid)) ?? '';
  return command === '' ? '?' : command.slice(0, NAME_MAX);
}
