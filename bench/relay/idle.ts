/**
 * What a whole node keeps in memory while nothing happens: `evergate run` with the short configuration of
 * the README, in a network namespace of its own; and HAProxy with keepalived in its place.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand } from '../../test/kit/peers.ts';
import { family, resident, type Started, spawnOn } from './processes.ts';
import { PROXY_CORE } from './proxies.ts';
import type { Sample } from './rounds.ts';

/** The evergate.yaml of the README. */
export const CONFIG = `vip: 192.168.1.94/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
  k8s-node1: 192.168.1.93
  k8s-node2: 192.168.1.95
`;
/** The same for HAProxy and keepalived, as their users write it. */
export const HAPROXY_CONFIG = `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend kube-apiserver
  bind *:8443
  default_backend apiservers
backend apiservers
  balance roundrobin
  server k8s-master 192.168.1.92:6443 check
  server k8s-node1 192.168.1.93:6443 check
  server k8s-node2 192.168.1.95:6443 check
`;
const KEEPALIVED_CONFIG = `vrrp_instance VI_1 {
  interface lan
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    192.168.1.94/24
  }
}
`;
/** The measure that counts pages which several processes share once. */
export const SHARED = 'all, shared pages once';
const PEERS_READY_MS = 1000;
const ROLES = ['guardian', 'balancer', 'spare', 'reaper'];
const READY_MS_MAX = 20_000;
/** Garbage of the start has been collected by then (src/start-garbage.ts), or stays. */
const SETTLE_MS = 5000;

/** Also what is done while it runs: `meanwhile` is given its run directory. */
export type IdleOptions = {
  readonly evergate: string;
  readonly settleMs?: number;
  readonly meanwhile?: (runDir: string) => Promise<void>;
};

/** MiB of each process as ps counts, by its role. */
export async function nodeMemory(work: string, options: IdleOptions): Promise<Sample> {
  const { evergate, settleMs = SETTLE_MS, meanwhile } = options;
  const file = join(work, 'evergate.yaml');
  writeFileSync(file, CONFIG);
  const runDir = join(work, 'run');
  const started = spawnInNetwork(`${evergate} run --config ${file} --run-dir ${runDir}`);
  try {
    const roles = await processesOf(started.pid);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const resides = Object.fromEntries(
      Object.entries(roles).map(([role, pid]) => [role, resident(pid).rss / 2 ** 20]),
    );
    const { guardian = Number.NaN, balancer = Number.NaN } = resides;
    const shared = sharedMib(Object.values(roles));
    await meanwhile?.(runDir);
    return { ...resides, 'guardian + balancer': guardian + balancer, [SHARED]: shared };
  } finally {
    await started.end();
  }
}

/** Of HAProxy and keepalived together; null where one of them is missing. */
export async function peersMemory(work: string, settleMs = SETTLE_MS): Promise<number | null> {
  if (findCommand('haproxy') === null || findCommand('keepalived') === null) return null;
  const haproxyCfg = join(work, 'idle-haproxy.cfg');
  const keepalivedConf = join(work, 'idle-keepalived.conf');
  writeFileSync(haproxyCfg, HAPROXY_CONFIG);
  writeFileSync(keepalivedConf, KEEPALIVED_CONFIG, { mode: 0o644 });
  const files = `-p ${join(work, 'k.pid')} -r ${join(work, 'kv.pid')}`;
  const keepalived = `keepalived -n -l -P -f ${keepalivedConf} ${files}`;
  const started = spawnInNetwork(`sh -c 'haproxy -db -f ${haproxyCfg} & exec ${keepalived}'`);
  try {
    await new Promise((resolve) => setTimeout(resolve, PEERS_READY_MS + settleMs));
    const names = family(started.pid).map((pid) => ({ pid, title: titleOf(pid) }));
    const peers = names.filter(({ title }) => /^(haproxy|keepalived)/.test(title));
    if (peers.length < 3) throw new Error('HAProxy and keepalived did not come up');
    const shared = sharedMib(peers.map(({ pid }) => pid));
    for (const { pid } of peers) process.kill(pid, 'SIGTERM');
    return shared;
  } finally {
    await started.end();
  }
}

function sharedMib(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + resident(pid).pss / 2 ** 20, 0);
}

/** Runs a command in a network of its own, where it has the address 192.168.1.92. */
function spawnInNetwork(command: string): Started {
  const script = [
    'ip link set lo up',
    'ip link add lan type veth peer name far',
    'ip address add 192.168.1.92/24 dev lan',
    'ip link set lan up',
    'ip link set far up',
    `exec ${command}`,
  ].join(' && ');
  return spawnOn(PROXY_CORE, ['unshare', '--net', 'sh', '-c', script]);
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
