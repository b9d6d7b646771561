/**
 * What a guardian that was killed has left running, and how the next one takes it over: the balancer serves
 * until ours does, with the same listening sockets, and then only lets its connections finish. A start that comes to
 * nothing leaves it serving, and all that it needs: the next one takes over from it as this one would have.
 */

import { OperationalError } from '../../core/errors.ts';
import { SystemError } from '../../linux/errno.ts';
import type { Log } from '../log.ts';
import { hasEnded } from '../process-table.ts';
import type { ChildRole, RunDir } from '../run-dir.ts';
import type { DescriptorStore } from '../service/descriptor-store.ts';
import { LeftSockets } from './adopted-listeners.ts';

/** How long a process may take to end after SIGKILL. */
const END_MS = 1000;

export class Orphans {
  readonly #runDir: RunDir;
  readonly #log: Log;
  readonly #store: DescriptorStore;
  /** It accepts connections. */
  #serving: number | null;
  /** Whose sockets were taken, for the log. */
  #source = '';

  constructor(runDir: RunDir, store: DescriptorStore, log: Log) {
    this.#runDir = runDir;
    this.#store = store;
    this.#log = log;
    this.#serving = runDir.childOf('balancer');
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
    const serving = this.#serving;
    if (serving !== null) {
      // A start before this one may have got no further than to note it there.
      if (this.#runDir.childOf('retired') !== serving) await this.#end('retired');
      this.#runDir.writePid('retired', serving);
    }
    const left = serving ?? this.#runDir.childOf('retired');
    this.#source = `balancer ${left}`;
    try {
      const kept = this.#store.copies();
      if (kept.length > 0) {
        this.#source = 'the service manager';
        return LeftSockets.among(kept);
      }
      return left === null ? LeftSockets.none() : LeftSockets.of(left);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#log('warning', `Cannot take over from ${this.#source}: ${error.message}`);
      await this.#end('retired');
      this.#serving = null;
      return LeftSockets.none();
    }
  }

  /** All that were wanted are ours. `count`: of those that were there. */
  tellTaken(count: number): void {
    if (count === 0) return;
    this.#log('info', `Takes listening sockets over from ${this.#source}: ${count}`);
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

  /**
   * Ends what only finishes its connections. One that still serves goes on until its time is over: the next start finds
   * it as this one did, with the sockets that the service manager keeps.
   */
  async close(): Promise<void> {
    if (this.serves) return this.leave();
    await this.#end('retired');
    this.#store.forgetRest();
  }

  /** What serves, if anything does, is to be found by the next start as by this one. */
  leave(): void {
    const serving = this.#serving;
    if (serving === null) return;
    if (this.#runDir.childOf('balancer') !== serving) this.#runDir.writePid('balancer', serving);
    this.#runDir.forgetPid('retired');
  }

  /** Ends all. */
  async end(): Promise<void> {
    this.#serving = null;
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
