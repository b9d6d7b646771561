/** Who took an address away, as far as the kernel tells: news carry the netlink port of who asked for it. */

import { readFileSync } from 'node:fs';

/** ' by "NetworkManager" (process 812)', to follow a verb; empty: nobody knows. */
export function nameRemover(port: number): string {
  if (port === 0) return '';
  try {
    // A process' first port has its number (netlink(7)); others, and those of the dead, belong to nobody.
    const name = readFileSync(`/proc/${port}/comm`, 'utf8').trim();
    return ` by "${name}" (process ${port})`;
  } catch {
    return '';
  }
}
