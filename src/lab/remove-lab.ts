/** Removes everything a lab has made, from its state on disk: at its own end, or after its crash. */

import { rmdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type FoundLab, findLabs } from './lab-state.ts';
import { existingNamespaces, pidsIn, removeNamespace } from './network.ts';
import {
  descendantsOf,
  endProcesses,
  identify,
  isRunning,
  type ProcessIdentity,
  signalProcess,
} from './processes.ts';
import { waitUntil } from './wait-until.ts';

export type Removed = {
  readonly id: string;
  readonly processes: number;
  readonly namespaces: readonly string[];
  readonly directory: string;
};

/** A daemon that is told to end removes its VIP and says good-bye to its peers first. */
const GRACE_MS = 3000;
const LAB_GRACE_MS = 15_000;
const ROUNDS_MAX = 5;

/** Ends a lab that still runs and waits for it, then removes what is left. Safe to repeat. */
export async function removeLab(lab: FoundLab): Promise<Removed> {
  const id = lab.state?.id ?? basename(lab.directory);
  if (lab.state !== null && lab.running && lab.state.lab.pid !== process.pid) {
    const { lab: owner } = lab.state;
    signalProcess(owner, 'SIGTERM');
    const bound = { what: `the lab ${id} to end`, boundMs: LAB_GRACE_MS };
    await waitUntil(() => !isRunning(owner), bound).catch(() => undefined);
    if (isRunning(owner)) await endProcesses([owner], 0);
  }
  const namespaces = lab.state?.kind === 'single' ? [] : await existingNamespaces(id);
  let processes = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const left = await processesOf(lab, namespaces);
    if (left.length === 0) break;
    processes += round === 0 ? left.length : 0;
    await endProcesses(left, GRACE_MS);
  }
  for (const namespace of namespaces) await removeNamespace(namespace);
  rmSync(lab.directory, { recursive: true, force: true });
  removeHostDirectories(lab);
  return { id, processes, namespaces, directory: lab.directory };
}

async function processesOf(
  lab: FoundLab,
  namespaces: readonly string[],
): Promise<ProcessIdentity[]> {
  const recorded = (lab.state?.processes ?? []).filter(isRunning);
  const below = recorded.flatMap((identity) => descendantsOf(identity.pid));
  const inside = (await Promise.all(namespaces.map(pidsIn))).flat().map(identify);
  return [...recorded, ...below, ...inside.filter((identity) => identity !== null)];
}

function removeHostDirectories(lab: FoundLab): void {
  // Another lab may have mounted over them; it finds them made and does not record them.
  if (findLabs(dirname(lab.directory)).length > 0) return;
  for (const directory of lab.state?.hostDirectories ?? []) {
    try {
      rmdirSync(directory);
    } catch {
      // Something else lives there by now: it is not ours any more.
    }
  }
  try {
    rmdirSync(dirname(lab.directory));
  } catch {
    // The next lab uses it again.
  }
}
