/** When nodes get and lose an address, as their kernels tell it (ip-monitor(8)): nothing is polled. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { NetworkNode } from './network.ts';
import { socketsOf } from './process-figures.ts';
import { waitUntil } from './wait-until.ts';

/** `at`: performance.now() when it was told. */
export type AddressChange = { readonly node: string; readonly held: boolean; readonly at: number };

export class AddressWatch {
  readonly changes: AddressChange[] = [];
  readonly #held = new Set<string>();
  readonly #children: ChildProcess[] = [];

  /** What the nodes hold at the beginning is known; call close() at the end. */
  static async start(nodes: readonly NetworkNode[], address: string): Promise<AddressWatch> {
    const watch = new AddressWatch();
    for (const node of nodes) await watch.#listen(node, address);
    return watch;
  }

  /** Names of those that hold it. */
  get owners(): readonly string[] {
    return [...this.#held];
  }

  /** Longest times since `from` in which several nodes, or none, held it, in ms. */
  spans(from: number): { readonly severalMs: number; readonly noneMs: number } {
    const held = new Set<string>();
    let since = from;
    const longest = { severalMs: 0, noneMs: 0 };
    const account = (until: number): void => {
      const ms = until - Math.max(since, from);
      if (held.size > 1) longest.severalMs = Math.max(longest.severalMs, ms);
      if (held.size === 0) longest.noneMs = Math.max(longest.noneMs, ms);
    };
    for (const { node, held: has, at } of this.changes) {
      account(at);
      since = at;
      if (has) held.add(node);
      else held.delete(node);
    }
    account(performance.now());
    return longest;
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  async #listen(node: NetworkNode, address: string): Promise<void> {
    const args = ['-o', '-n', node.namespace, 'monitor', 'address'];
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.push(child);
    await once(child, 'spawn');
    await hearsKernel(child);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes(` ${address}/`)) this.#tell(node, !line.startsWith('Deleted '));
    });
    if (await node.holds(address)) this.#tell(node, true);
  }

  /** A renewed lifetime is told, too. */
  #tell({ name }: NetworkNode, held: boolean): void {
    if (this.#held.has(name) === held) return;
    if (held) this.#held.add(name);
    else this.#held.delete(name);
    this.changes.push({ node: name, held, at: performance.now() });
  }
}

/** Resolves when an ip-monitor(8) has subscribed: what its kernel tells from now on reaches it, however late it runs. */
export async function hearsKernel({ pid }: ChildProcess): Promise<void> {
  await waitUntil('ip-monitor hears the kernel', () => isSubscribed(pid ?? 0), 5);
}

/** Whether a process has a netlink socket that is in a group. */
function isSubscribed(pid: number): boolean {
  const own = socketsOf(pid);
  const lines = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').split('\n').slice(1);
  return lines.some((line) => {
    const [, , , groups = '0', , , , , , inode = ''] = line.split(/ +/);
    return Number.parseInt(groups, 16) !== 0 && own.has(inode);
  });
}
