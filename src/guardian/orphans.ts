/**
 * What a guardian that was killed has left running, and how the next one takes it over: the balancer serves
 * until ours does, with the same listening sockets, and then only lets its connections finish.
 */

import { OperationalError } from '../core/errors.ts';
import { SystemError } from '../linux/errno.ts';
import { LeftSockets } from './adopted-listeners.ts';
import type { Log } from './log.ts';
import { hasEnded } from './process-table.ts';
import type { ChildRole, RunDir } from './run-dir.ts';
import type { DescriptorStore } from './service/descriptor-store.ts';

/** How long a process may take to end after SIGKILL. */
const END_MS = 1000;

export class Orphans {
  readonly #runDir: RunDir;
  readonly #log: Log;
  readonly #store: DescriptorStore;
  /** It accepts connections. */
  #serving: number | null = null;

  constructor(runDir: RunDir, store: DescriptorStore, log: Log) {
    this.#runDir = runDir;
    this.#store = store;
    this.#log = log;
  }

  /** Whether a balancer of the earlier guardian still takes connections here. */
  get serves(): boolean {
    return this.#serving !== null && !hasEnded(this.#serving);
  }

  /**
   * The sockets it has left. Ends what nobody needs: its spare, and a balancer that it had taken over itself.
   * Throws OperationalError when something does not end.
   */
  async takeSockets(): Promise<LeftSockets> {
    await this.#end('spare');
    await this.#end('checker');
    const serving = this.#runDir.childOf('balancer');
    if (serving !== null) {
      await this.#end('retired');
      this.#runDir.writePid('retired', serving);
    }
    const kept = this.#store.take();
    if (kept.length > 0) {
      this.#serving = serving;
      const sockets = LeftSockets.among(kept);
      this.#log('info', `Takes listening sockets over from the service manager: ${sockets.count}`);
      return sockets;
    }
    const left = serving ?? this.#runDir.childOf('retired');
    if (left === null) return LeftSockets.none();
    try {
      const sockets = LeftSockets.of(left);
      this.#serving = serving;
      this.#log('info', `Takes listening sockets over from balancer ${left}: ${sockets.count}`);
      return sockets;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#log('warning', `Cannot take over from balancer ${left}: ${error.message}`);
      await this.#end('retired');
      return LeftSockets.none();
    }
  }

  /** Ours serves: the old one accepts no more and ends with its last connection. */
  retire(): void {
    if (this.#serving === null) return;
    this.#log('info', `Balancer ${this.#serving} finishes the connections it has`);
    try {
      process.kill(this.#serving, 'SIGTERM');
    } catch {
      // It has ended meanwhile.
    }
    this.#serving = null;
  }

  /** The reaper would take the addresses away that are about to be ours. */
  endReaper(): Promise<void> {
    return this.#end('reaper');
  }

  /** Ends what only finishes its connections; one that still serves goes on until its time is over. */
  async close(): Promise<void> {
    if (!this.serves) await this.#end('retired');
  }

  /** Ends all. */
  async end(): Promise<void> {
    for (const role of ['spare', 'checker', 'balancer', 'retired'] as const) await this.#end(role);
  }

  async #end(role: ChildRole): Promise<void> {
    const pid = this.#runDir.childOf(role);
    if (pid === null) return;
    this.#log('info', `Ends ${role} ${pid}, left over from a guardian that was killed`);
    process.kill(pid, 'SIGKILL');
    const deadline = performance.now() + END_MS;
    while (!hasEnded(pid)) {
      if (performance.now() > deadline) {
        throw new OperationalError(
          'already-running',
          `Process ${pid}, left over from a guardian that was killed, does not end within ${END_MS} ms; ` +
            'end it by hand',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
