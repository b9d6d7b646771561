/** What is true about one backend: its servers, how many of them are of use, and whom each follows. */

import type { BackendConfig } from '../../config/model/traffic.ts';
import { isUsable, type ServerEntry } from './server-entry.ts';

export type BackendEntry = {
  readonly config: BackendConfig;
  readonly servers: readonly ServerEntry[];
  usableActive: number;
  usableBackup: number;
  changedAtMs: number;
  downtimeMs: number;
  downTransitions: number;
};

/** Finds whom each server follows, and counts those of use. */
export function linked(backends: readonly BackendEntry[]): readonly BackendEntry[] {
  for (const entry of backends.flatMap(({ servers }) => servers)) {
    const { follows } = entry.config;
    const leaders = backends.find(({ config }) => config.name === follows?.backend)?.servers ?? [];
    entry.leader = leaders.find(({ config }) => config.name === follows?.server) ?? null;
  }
  for (const backend of backends) Object.assign(backend, countUsable(backend.servers));
  return backends;
}

export function countUsable(servers: readonly ServerEntry[]): {
  usableActive: number;
  usableBackup: number;
} {
  const usable = servers.filter(isUsable);
  const usableBackup = usable.filter(({ config }) => config.backup).length;
  return { usableActive: usable.length - usableBackup, usableBackup };
}
