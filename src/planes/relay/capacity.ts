/** How many connections and pipes the descriptors of a process carry. */

import type { BalancerConfig } from '../../config/model/config.ts';
import { DESCRIPTORS_MAX } from './sessions/socket-table.ts';

/**
 * Pipes of all relays, where descriptors allow: what an unprivileged user may have in full size
 * (fs.pipe-user-pages-soft).
 */
const PIPES_MAX = 256;
/** Descriptors kept free for everything that is no session: listeners, checks, logs, libraries. */
const FILES_RESERVED = 64;

/** Pipes each relay may have. `filesMax`: RLIMIT_NOFILE. */
export function pipesOfRelay(filesMax: number, relays: number): number {
  const files = Math.min(filesMax, DESCRIPTORS_MAX);
  return Math.floor(Math.min(PIPES_MAX, files / 32) / relays);
}

/** Connections of all relays: as configured, but no more than two descriptors each, beside the pipes, allow. */
export function connectionsLimit(
  { process }: Pick<BalancerConfig, 'process'>,
  filesMax: number,
  relays: number,
): number {
  const pipes = pipesOfRelay(filesMax, relays) * relays;
  const free = Math.min(filesMax, DESCRIPTORS_MAX) - FILES_RESERVED - pipes * 2;
  const carried = Math.max(1, Math.floor(free / 2));
  return process.connectionsMax === 0 ? carried : Math.min(process.connectionsMax, carried);
}
