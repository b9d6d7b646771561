/** Who took an address away, as far as the kernel tells: news carry the netlink port of who asked for it. */

import { readFileSync, readlinkSync } from 'node:fs';

/** ' by "NetworkManager" (process 812)', to follow a verb; empty: nobody knows. */
export function nameRemover(port: number): string {
  if (port === 0) return '';
  try {
    // A process' first port has its number (netlink(7)); others, and those of the dead, belong to nobody. Seen from
    // another PID namespace it is the number of anybody: of a thread of the kernel, which has no file, or of somebody
    // who is not in this network.
    readlinkSync(`/proc/${port}/exe`);
    if (networkOf(port) !== networkOf('self')) return '';
    const name = readFileSync(`/proc/${port}/comm`, 'utf8').trim();
    return ` by "${name}" (process ${port})`;
  } catch {
    return '';
  }
}

function networkOf(process: number | 'self'): string {
  return readlinkSync(`/proc/${process}/ns/net`);
}
