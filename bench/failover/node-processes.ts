/** The processes of one node of the bench's cluster, and signals to them: by pid and start time only. */

import { readFileSync } from 'node:fs';
import type { Cluster } from '../../src/lab/cluster.ts';
import type { LabNode } from '../../src/lab/lab-node.ts';
import { namespaceOf, pidsIn } from '../../src/lab/network.ts';
import {
  identify,
  isRunning,
  type ProcessIdentity,
  signalProcess,
} from '../../src/lab/processes.ts';
import { waitUntil } from '../../src/lab/wait-until.ts';

export type NodeProcess = {
  readonly identity: ProcessIdentity;
  /** As the kernel knows it: "haproxy". */
  readonly command: string;
  readonly words: readonly string[];
  /** The words as one text; where a process has given itself a title, that. */
  readonly title: string;
};

const END_BOUND_MS = 5000;
const KILL_ROUNDS_MAX = 10;

/** What runs on the node beside the bench's own watchers (`ignored` pids) and the apiserver. */
export async function processesOf(
  cluster: Cluster,
  node: LabNode,
  ignored: ReadonlySet<number>,
): Promise<NodeProcess[]> {
  const apiserver = node.parts.apiserver.identity?.pid;
  const pids = await pidsIn(namespaceOf(cluster.id, node.name));
  return pids
    .filter((pid) => !ignored.has(pid) && pid !== apiserver)
    .map(describe)
    .filter((process) => process !== null);
}

/** The service manager's own processes: a fault of a daemon leaves them alone. */
export function isSupervisor({ words, command }: NodeProcess): boolean {
  return command === 'unshare' || words.some((word) => word.endsWith('/supervise.sh'));
}

/** At once to all, parents first, so that no parent acts on its child's end. */
export function signalAll(processes: readonly NodeProcess[], signal: NodeJS.Signals): void {
  for (const { identity } of processes) signalProcess(identity, signal);
}

/** The parent of its kind: a master before its workers; null when there is none. */
export function eldest(processes: readonly NodeProcess[]): NodeProcess | null {
  const [first = null] = processes.toSorted(
    ({ identity: one }, { identity: other }) =>
      one.startTime - other.startTime || one.pid - other.pid,
  );
  return first;
}

/** SIGKILL until a look finds nothing: a service manager may be starting something meanwhile. */
export async function killAll(find: () => Promise<readonly NodeProcess[]>): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
    const found = await find();
    if (found.length === 0) return;
    signalAll(found, 'SIGKILL');
    await waitForEnd(found);
  }
  throw new Error('Processes come back after SIGKILL');
}

export async function waitForEnd(processes: readonly NodeProcess[]): Promise<void> {
  const bound = { what: 'processes to end', boundMs: END_BOUND_MS, everyMs: 5 };
  await waitUntil(() => !processes.some(({ identity }) => isRunning(identity)), bound);
}

function describe(pid: number): NodeProcess | null {
  const identity = identify(pid);
  if (identity === null) return null;
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const words = text.split('\0').filter(Boolean);
    const command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    return { identity, command, words, title: words.join(' ') };
  } catch {
    // It ended while we looked.
    return null;
  }
}
