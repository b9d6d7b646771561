/** What every lab begins with, in network namespaces or on loopback: all of it serves, or nothing is left. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, createAuthority } from './certificates.ts';
import type { ClientConfig } from './client/messages.ts';
import type { Cluster } from './cluster.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { LabClient } from './lab-client.ts';
import { labsRoot, StateFile } from './lab-state.ts';
import { removeLab } from './remove-lab.ts';

export const CLIENT_DEFAULTS = {
  requestIntervalMs: 20,
  patienceMs: 300,
  watches: 6,
  watchSilenceMs: 5000,
} as const;

export type LabOptions = {
  readonly requestIntervalMs?: number;
  readonly patienceMs?: number;
  readonly watches?: number;
  readonly watchSilenceMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
};

/** How a kind of lab is made. */
export type LabPlan = {
  readonly kind: StateFile['state']['kind'];
  /** Shown while the last wait lasts. */
  readonly waitingFor: string;
  readonly build: (state: StateFile) => Promise<Cluster>;
};

const SERVING_BOUND_MS = 60_000;

/** Resolves when the lab serves; on failure everything is removed before the error goes on. */
export async function startLab(plan: LabPlan, options: LabOptions): Promise<Cluster> {
  const state = StateFile.create(labsRoot(), plan.kind);
  try {
    const cluster = await plan.build(state);
    options.onProgress?.(`Waiting for ${plan.waitingFor}`);
    await cluster.waitUntilServing(SERVING_BOUND_MS, options.signal);
    await cluster.parts.client.reset();
    return cluster;
  } catch (error) {
    await removeLab({ directory: state.directory, state: state.state, running: true });
    throw error;
  }
}

/** A new authority, its certificate in a file that clients trust. */
export async function writeAuthority(
  directory: string,
): Promise<{ readonly authority: Authority; readonly authorityFile: string }> {
  const authority = await createAuthority();
  const authorityFile = join(directory, 'ca.crt');
  writeFileSync(authorityFile, authority.pem);
  return { authority, authorityFile };
}

/** For kubectl, by the name of each context; returns the file. */
export function writeKubeconfig(
  directory: string,
  authority: Authority,
  servers: Parameters<typeof kubeconfig>[1],
): string {
  const file = join(directory, 'kubeconfig');
  writeFileSync(file, kubeconfig(authority.pem, servers), { mode: 0o600 });
  return file;
}

/** The client's requests and watches begin. */
export function startLoad(
  client: LabClient,
  target: Pick<ClientConfig, 'host' | 'port' | 'authorityFile' | 'addresses'>,
  options: LabOptions,
): Promise<void> {
  return client.load({
    ...target,
    intervalMs: options.requestIntervalMs ?? CLIENT_DEFAULTS.requestIntervalMs,
    patienceMs: options.patienceMs ?? CLIENT_DEFAULTS.patienceMs,
    watches: options.watches ?? CLIENT_DEFAULTS.watches,
    watchSilenceMs: options.watchSilenceMs ?? CLIENT_DEFAULTS.watchSilenceMs,
  });
}
