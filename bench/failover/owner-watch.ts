/**
 * Who has the VIP, told by the kernels as it changes (ip-monitor(8), one per node), so that a second owner
 * of a few milliseconds is seen and nothing is polled beside the measured load.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Cluster } from '../../src/lab/cluster.ts';
import { namespaceOf } from '../../src/lab/network.ts';
import type { Topology } from '../../src/lab/topology.ts';

export type OwnerSpan = {
  /** Longest uninterrupted times since begin(), in ms. */
  readonly severalMs: number;
  readonly noneMs: number;
  /** Now, in the order of the nodes. */
  readonly owners: readonly string[];
};

const LINE_BYTES_MAX = 65_536;

export class OwnerWatch {
  readonly #children: ChildProcess[] = [];
  readonly #cluster: Cluster;
  readonly #vip: string;
  readonly #order: readonly string[];
  #held = new Set<string>();
  #since = performance.now();
  #severalMs = 0;
  #noneMs = 0;

  private constructor(cluster: Cluster, topology: Topology) {
    this.#cluster = cluster;
    this.#vip = topology.vip;
    this.#order = topology.nodes.map(({ name }) => name);
  }

  /** Begins to listen; call close() at the end. */
  static async start(cluster: Cluster, topology: Topology): Promise<OwnerWatch> {
    const watch = new OwnerWatch(cluster, topology);
    for (const { name } of topology.nodes) watch.#listen(cluster.id, name);
    await Promise.all(watch.#children.map((child) => once(child, 'spawn')));
    await watch.resync();
    return watch;
  }

  /** Asks the kernels: what changed before ip(8) listened is not told. */
  async resync(): Promise<void> {
    this.#held = new Set(await this.#cluster.owners());
  }

  /** Its processes live in the nodes' namespaces: no fault is meant for them. */
  get pids(): ReadonlySet<number> {
    return new Set(this.#children.map(({ pid }) => pid ?? 0));
  }

  get owners(): readonly string[] {
    return this.#order.filter((name) => this.#held.has(name));
  }

  begin(): void {
    this.#since = performance.now();
    this.#severalMs = 0;
    this.#noneMs = 0;
  }

  span(): OwnerSpan {
    this.#account();
    return { severalMs: this.#severalMs, noneMs: this.#noneMs, owners: this.owners };
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #listen(id: string, name: string): void {
    const args = ['-4', '-o', '-n', namespaceOf(id, name), 'monitor', 'address'];
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('latin1')).split('\n');
      text = (lines.pop() ?? '').slice(-LINE_BYTES_MAX);
      for (const line of lines) this.#hear(name, line);
    });
    this.#children.push(child);
  }

  #hear(name: string, line: string): void {
    if (!line.includes(` inet ${this.#vip}/`)) return;
    const gone = line.startsWith('Deleted ');
    // A renewed lifetime is told, too.
    if (this.#held.has(name) === !gone) return;
    this.#account();
    if (gone) this.#held.delete(name);
    else this.#held.add(name);
    this.#since = performance.now();
  }

  /** `#since` is the last change, or the beginning: what has lasted from there counts. */
  #account(): void {
    const lastedMs = performance.now() - this.#since;
    if (this.#held.size > 1) this.#severalMs = Math.max(this.#severalMs, lastedMs);
    if (this.#held.size === 0) this.#noneMs = Math.max(this.#noneMs, lastedMs);
  }
}
