/**
 * What an idle connection costs in memory: of the proxy itself, and of the kernel for the proxy's two
 * sockets. What the kernel keeps for client and server is taken off by the same crowd without a proxy.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { family, resident } from './processes.ts';
import { LISTEN_PORT, LOAD_CORE, type ProxyServer, SERVER_PORT } from './proxies.ts';
import type { Sample } from './rounds.ts';

const FIRST_CROWD = 1000;

export type Crowd = { readonly leave: () => Promise<void> };

/** Opens so many idle connections and holds them until leave(). */
export async function openCrowd(port: number, connections: number): Promise<Crowd> {
  const words = [join(import.meta.dirname, 'crowd.ts'), String(port), String(connections)];
  const child = spawn('taskset', ['-c', LOAD_CORE, process.execPath, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [text] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (!String(text).includes('ready')) throw new Error('The idle connections were not all opened');
  return {
    async leave() {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
  };
}

/** Bytes of the kernel per idle connection between a client and a server without a proxy. */
export async function directKernelBytes(connections: number): Promise<number> {
  const before = kernelBytes();
  const crowd = await openCrowd(SERVER_PORT, connections);
  const spent = kernelBytes() - before;
  await crowd.leave();
  return spent / connections;
}

/** Bytes per idle connection through a proxy. */
export async function idleBytes(proxy: ProxyServer, connections: number): Promise<Sample> {
  const started = await proxy.start({ threads: 1, servers: 3 });
  try {
    // What the first connections bring is not theirs: pools, compiled code, garbage of the start.
    const first = await openCrowd(LISTEN_PORT, FIRST_CROWD);
    const before = { user: userBytes(started.pid), kernel: kernelBytes() };
    const crowd = await openCrowd(LISTEN_PORT, connections);
    const user = (userBytes(started.pid) - before.user) / connections;
    const kernel = (kernelBytes() - before.kernel) / connections;
    await Promise.all([first.leave(), crowd.leave()]);
    return { 'user memory': user, 'kernel memory': kernel };
  } finally {
    await started.end();
  }
}

function userBytes(pid: number): number {
  return family(pid).reduce((sum, one) => sum + resident(one).pss, 0);
}

/**
 * What the kernel has of each socket, and of its place in an epoll set (proc(5), slabinfo). Not dentries:
 * 0.2 KB of each, but anybody who looks into /proc makes more of them.
 */
const SOCKET_CACHES = new Set([
  'TCP',
  'sock_inode_cache',
  'filp',
  'eventpoll_epi',
  'eventpoll_pwq',
]);

/** Of the whole machine: objects in use, and pages of socket buffers. */
function kernelBytes(): number {
  let bytes = 0;
  for (const line of readFileSync('/proc/slabinfo', 'utf8').split('\n')) {
    const [name = '', active, , size] = line.split(/\s+/);
    if (SOCKET_CACHES.has(name)) bytes += Number(active) * Number(size);
  }
  const pages = /^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1];
  return bytes + Number(pages) * 4096;
}
