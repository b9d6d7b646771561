/**
 * What a whole node keeps in memory while nothing happens: `evergate run` with the short configuration of
 * the README, in a network namespace of its own.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { family, resident, spawnOn } from './processes.ts';
import { PROXY_CORE } from './proxies.ts';
import type { Sample } from './rounds.ts';

const CONFIG = `vip: 192.168.1.94/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
  k8s-node1: 192.168.1.93
  k8s-node2: 192.168.1.95
`;
const ROLES = ['guardian', 'balancer', 'spare', 'reaper'];
const READY_MS_MAX = 20_000;
/** Start-up garbage has been collected by then, or stays. */
const SETTLE_MS = 5000;

/** MiB of each process as ps counts, by its role. */
export async function nodeMemory(work: string, settleMs = SETTLE_MS): Promise<Sample> {
  const file = join(work, 'evergate.yaml');
  writeFileSync(file, CONFIG);
  const evergate = join(import.meta.dirname, '../../bin/evergate');
  const script = [
    'ip link set lo up',
    'ip link add lan type veth peer name far',
    'ip address add 192.168.1.92/24 dev lan',
    'ip link set lan up',
    'ip link set far up',
    `exec ${evergate} run --config ${file} --run-dir ${join(work, 'run')}`,
  ].join(' && ');
  const started = spawnOn(PROXY_CORE, ['unshare', '--net', 'sh', '-c', script]);
  try {
    const roles = await processesOf(started.pid);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const resides = Object.fromEntries(
      Object.entries(roles).map(([role, pid]) => [role, resident(pid).rss / 2 ** 20]),
    );
    const { guardian = Number.NaN, balancer = Number.NaN } = resides;
    const shared = Object.values(roles).map((pid) => resident(pid).pss / 2 ** 20);
    return {
      ...resides,
      'guardian + balancer': guardian + balancer,
      'all, shared pages once': shared.reduce((sum, one) => sum + one, 0),
    };
  } finally {
    await started.end();
  }
}

/** Waits until all of them are there, and says who they are. */
async function processesOf(pid: number): Promise<Readonly<Record<string, number>>> {
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    const roles: Record<string, number> = {};
    for (const one of family(pid)) {
      const role = /evergate: (\w+)/.exec(titleOf(one))?.[1] ?? '';
      if (ROLES.includes(role)) roles[role] = one;
    }
    if (Object.keys(roles).length === ROLES.length) return roles;
    if (performance.now() > deadline) throw new Error('evergate run did not come up');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
